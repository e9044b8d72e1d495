package identity

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// EveryUser in a Launcher's Users stands for all of them.
const EveryUser = "*"

// Launcher is a program that makes workspaces for named users and receives their
// keys. Whoever holds its key can so read what those users' workspaces receive;
// therefore it stands in the server's configuration, which no API changes.
type Launcher struct {
	Name      string
	KeyDigest []byte            // SHA-256 of its key, see core.TokenDigest
	Users     []string          // names; "*": all
	Labels    map[string]string // that every workspace it makes carries
}

func indexLaunchers(all []Launcher) (map[[sha256.Size]byte]int, error) {
	byKey, names := map[[sha256.Size]byte]int{}, map[string]bool{}
	for n, l := range all {
		if err := l.check(); err != nil {
			return nil, err
		}
		key := [sha256.Size]byte(l.KeyDigest)
		if _, twice := byKey[key]; twice || names[l.Name] {
			return nil, launcherError(l.Name, "shares its name or key with another", "give each launcher a name and a key of its own")
		}
		byKey[key], names[l.Name] = n, true
	}
	return byKey, nil
}

func (l Launcher) check() error {
	switch {
	case !validName(l.Name):
		return launcherError(l.Name, "has a name that cannot be", "a name is 1 to 64 of a-z, 0-9 and . _ -")
	case len(l.KeyDigest) != sha256.Size:
		return launcherError(l.Name, "has no digest of a key", "keyfob launcher key makes a key and its digest")
	case len(l.Users) == 0:
		return launcherError(l.Name, "names no users", `list the users it acts for; "*" stands for all`)
	}
	for _, u := range l.Users {
		if u != EveryUser && !validName(u) {
			return launcherError(l.Name, "names a user that cannot be", `write names of users, or "*" for all`)
		}
	}
	for k := range l.Labels {
		if strings.HasPrefix(k, core.AutoLabelPrefix) {
			return launcherError(l.Name, "sets a label that workspaces have by themselves", "choose labels that do not begin with "+core.AutoLabelPrefix)
		}
	}
	return core.CheckLabels(l.Labels)
}

func launcherError(name, what, hint string) error {
	return core.Errorf(core.Invalid, "the launcher %q %s", cleaned(name, maxName, ""), what).WithField("launchers").WithHint("%s", hint)
}

func (l Launcher) actsFor(user string) bool {
	return slices.Contains(l.Users, user) || slices.Contains(l.Users, EveryUser)
}

func (i *Identity) launcher(key string) (core.Actor, error) {
	n, ok := i.byKey[[sha256.Size]byte(core.TokenDigest(key))]
	if !ok {
		return core.Actor{}, badToken(nil)
	}
	name := i.launchers[n].Name
	return core.Actor{
		Kind: core.LauncherActor, ID: name, Scopes: core.WorkspacesRead | core.WorkspacesWrite | core.WorkspacesKeys,
		Via: core.Via{Kind: core.ViaToken, ID: name},
	}, nil
}

func (i *Identity) launcherOf(a core.Actor) (Launcher, error) {
	n := slices.IndexFunc(i.launchers, func(l Launcher) bool { return a.Kind == core.LauncherActor && l.Name == a.ID })
	if n < 0 {
		return Launcher{}, badToken(nil)
	}
	return i.launchers[n], nil
}

// LaunchFor is the launcher acting for this user. A user who does not exist, who
// is disabled, and whom the launcher may not act for are the same not_found.
func (i *Identity) LaunchFor(ctx context.Context, launcher core.Actor, user string) (core.Actor, error) {
	l, err := i.launcherOf(launcher)
	if err != nil {
		return core.Actor{}, err
	}
	var u core.User
	err = i.store.View(ctx, func(tx store.Tx) (err error) {
		u, err = userNamed(ctx, tx, user)
		return err
	})
	if err == nil && (u.Disabled || !l.actsFor(u.Name)) {
		err = core.Errorf(core.NotFound, "not for this launcher")
	}
	if core.CodeOf(err) == core.NotFound {
		return core.Actor{}, core.Errorf(core.NotFound, "this launcher acts for no user %q", cleaned(user, maxName, "")).WithField("user").
			WithHint("whom it acts for stands in the server's configuration").Wrap(err)
	}
	return launcher.On(u.Owner()), err
}

// LaunchUsers are the names of those for whom this launcher may act, as the
// configuration has them, whether they are there or not; EveryUser alone stands
// for all.
func (i *Identity) LaunchUsers(launcher core.Actor) []string {
	l, _ := i.launcherOf(launcher) // another actor has none
	if slices.Contains(l.Users, EveryUser) {
		return []string{EveryUser}
	}
	return slices.Clone(l.Users)
}

// LaunchLabels are those that every workspace of this launcher carries.
func (i *Identity) LaunchLabels(launcher core.Actor) map[string]string {
	l, _ := i.launcherOf(launcher) // another actor has none
	return maps.Clone(l.Labels)
}

// Launchers are those that may act for the acting user: name and labels alone, in
// order of the configuration.
func (i *Identity) Launchers(ctx context.Context, a core.Actor) ([]Launcher, error) {
	var out []Launcher
	act := guard.Act{Action: guard.LauncherList, Subject: "launchers"}
	err := i.guard.Read(ctx, own(a), act, func(ctx context.Context, tx store.Tx) error {
		u, err := living(ctx, tx, a)
		for _, l := range i.launchers {
			if l.actsFor(u.Name) {
				out = append(out, Launcher{Name: l.Name, Labels: maps.Clone(l.Labels)})
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
