package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/custody/env"
	"keyfob/internal/custody/file"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/upkeep"
)

// operator is whoever runs a command on the machine that has the vault.
func operator() core.Actor { return core.LocalUser.On(core.Org) }

// Backup copies the vault to a new file while others use it. The root key is
// not in it. A file that is there is never replaced: conflict.
func (a *App) Backup(ctx context.Context, path string) (store.Copy, error) {
	from, ok := a.store.(upkeep.Backuper)
	if !ok {
		return store.Copy{}, core.Errorf(core.Unavailable, "this store has no backup of its own").WithHint("back it up with its own tools")
	}
	return upkeep.New(a.guard, a.keys).Backup(ctx, operator(), from, path)
}

// Restored says what Restore did.
type Restored struct {
	store.Copy
	Home  string
	Aside string // where the database from before is now; empty: there was none
	Opens bool   // the root key that is in custody now is the backup's
	Place string // where the root key is looked for
	Kept  string // the file in the home that has the backup's root key, where Place has another; empty: none
}

// Restore makes the vault in the home the one of the backup, and writes that into
// its trail; what waited to be approved or used up in the backup is dropped. The
// database from before is kept under another name. Nothing may use the vault meanwhile:
// unavailable, reason "store_in_use".
func Restore(ctx context.Context, c Config, from string) (Restored, error) {
	if err := makeHome(c.Home); err != nil {
		return Restored{}, err
	}
	lock, err := lockVault(ctx, c.Home)
	if err != nil {
		return Restored{}, err
	}
	defer lock.Close() // the home is there
	out := Restored{Home: c.Home}
	settle := func(ctx context.Context, st *sqlite.Store, of store.Copy) error { return out.settle(ctx, c, st, of) }
	out.Copy, out.Aside, err = sqlite.Restore(ctx, from, filepath.Join(c.Home, databaseName), settle)
	return out, err
}

// settle signs the trail where the backup's root key is in custody; else whoever
// opens the vault with it does.
func (r *Restored) settle(ctx context.Context, c Config, st store.Store, of store.Copy) error {
	d, err := driver(of.Header.Custody, c)
	if err != nil {
		return err
	}
	root, err := openRoot(ctx, d, of.Header)
	r.Opens, r.Place = err == nil, d.Place()
	if !r.Opens {
		r.Kept = keptIn(ctx, c.Home, of.Header.RootKeyID)
	}
	var options []guard.Option
	if r.Opens {
		options = append(options, guard.Signed(audit.NewSigner(root.AuditKey)))
	}
	return upkeep.New(guard.New(st, writer, options...), seal.NewKeys(root)).Restored(ctx, operator(), of)
}

// NewKeyVariable carries the root key that Rekey is to change to, where custody
// env keeps it. It begins as every variable of custody does, so that no child
// gets it.
const NewKeyVariable = env.Variable + "_NEW"

// Rekeyed says where the new root key is.
type Rekeyed struct {
	Custody, Place string
	RootKeyID      string
	Kept           string // the file with the root key from before, which older backups need; empty: none of ours

	AuditKey, AuditKeyBefore string // ids of the keys that sign the audit trail from now on and did before
}

// Rekey gives the vault another root key, in the named custody; empty: in the
// one that it has. Values stay as they are sealed. Other processes that have the
// vault open must be started again; a server must not run: conflict, reason
// "server_running".
//
// The new key is durable before the vault is changed, and takes the old one's
// place after; a process that is killed between the two leaves that to the next
// Open.
func (a *App) Rekey(ctx context.Context, custodyName string) (Rekeyed, error) {
	if custodyName == "" {
		custodyName = a.header.Custody
	}
	d, err := driver(custodyName, a.config)
	if err != nil {
		return Rekeyed{}, err
	}
	lock, err := lockVault(ctx, a.config.Home)
	if err != nil {
		return Rekeyed{}, err
	}
	defer lock.Close() // the vault is open, so its home is there
	before, err := a.guard.AuditKey(ctx, operator())
	if err != nil {
		return Rekeyed{}, err
	}
	root, err := a.nextRoot(ctx, custodyName)
	if err != nil {
		return Rekeyed{}, err
	}
	if err := upkeep.New(a.guard, a.keys).Rekey(ctx, operator(), root, custodyName); err != nil {
		return Rekeyed{}, err
	}
	old := a.header.RootKeyID
	a.header.RootKeyID, a.header.Custody, a.custody = root.ID(), custodyName, d
	kept, err := settleKey(ctx, a.config.Home, a.header, old)
	return Rekeyed{
		Custody: custodyName, Place: d.Place(), RootKeyID: root.ID(), Kept: kept,
		AuditKey: audit.NewSigner(root.AuditKey).KeyID(), AuditKeyBefore: audit.KeyID(before),
	}, err
}

// nextRoot makes the new key where it is safe beside the old one.
func (a *App) nextRoot(ctx context.Context, custodyName string) (seal.RootKey, error) {
	if custodyName == "file" {
		value, err := file.New(filepath.Join(a.config.Home, nextKeyName)).Create(ctx)
		if err != nil {
			return seal.RootKey{}, err
		}
		return seal.NewRootKey(value)
	}
	text, ok := lookupEnv(a.config.Environ, NewKeyVariable)
	if !ok || text == "" {
		return seal.RootKey{}, core.Errorf(core.Invalid, "the new root key is not given: %s is not set", NewKeyVariable).
			WithHint("set it to 32 random bytes in base64, such as openssl rand -base64 32 prints; afterwards %s is to have it", env.Variable)
	}
	value, err := env.Parse(text)
	if err != nil {
		return seal.RootKey{}, err
	}
	return seal.NewRootKey(value)
}

const (
	nextKeyName = rootKeyName + ".next" // of a change of root keys that is under way
	keptKey     = rootKeyName + ".old-" // the id of the key follows
)

// settleKey brings the key that the header names to where custody looks for it,
// and keeps the one from before. It does what is left to do, and nothing where
// that is nothing.
func settleKey(ctx context.Context, home string, h core.Header, old string) (kept string, err error) {
	current, next := filepath.Join(home, rootKeyName), filepath.Join(home, nextKeyName)
	arrived := h.Custody == "file" && isRoot(ctx, next, h.RootKeyID)
	if was := idIn(ctx, current); was != "" && (arrived || was == old) {
		kept = keptPath(home, was)
		if err := os.Link(current, kept); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", homeError(kept, err)
		}
	}
	switch {
	case arrived:
		err = os.Rename(next, current)
	case kept != "":
		err = os.Remove(current) // its custody is another one now
	}
	if err != nil {
		return kept, homeError(current, err)
	}
	return kept, nil
}

// keptPath is where Rekey keeps a key from before.
func keptPath(home, id string) string {
	return filepath.Join(home, keptKey+id[:min(len(id), 12)])
}

// keptIn is the file that a change of root keys left with the key of this id; empty:
// there is none.
func keptIn(ctx context.Context, home, id string) string {
	if path := keptPath(home, id); isRoot(ctx, path, id) {
		return path
	}
	return ""
}

func isRoot(ctx context.Context, path, id string) bool {
	return id != "" && idIn(ctx, path) == id
}

// idIn is the id of the root key in a file; empty: there is none that opens.
func idIn(ctx context.Context, path string) string {
	value, err := file.New(path).Open(ctx)
	if err != nil {
		return ""
	}
	root, err := seal.NewRootKey(value)
	if err != nil {
		return ""
	}
	return root.ID()
}

// settle ends a change of root keys that was cut off.
func (a *App) settle(ctx context.Context) error {
	if !isFile(filepath.Join(a.config.Home, nextKeyName)) {
		return nil
	}
	if a.header.Custody == "file" && isRoot(ctx, filepath.Join(a.config.Home, nextKeyName), a.header.RootKeyID) {
		_, err := settleKey(ctx, a.config.Home, a.header, "")
		return err
	}
	return nil // the vault was not changed yet; Rekey takes the key that is there
}

// Reencrypt gives every owner a new data key and seals every value anew. It may
// be cut off at any moment, and then goes on where it was.
func (a *App) Reencrypt(ctx context.Context, progress func(upkeep.Reencrypted)) (upkeep.Reencrypted, error) {
	return upkeep.New(a.guard, a.keys).ReencryptData(ctx, operator(), progress)
}
