package guard

import (
	"keyfob/internal/audit"
	"keyfob/internal/core"
)

func profileRecord(p core.Profile) record {
	var w audit.Row
	w.Text("id", p.ID, "owner", p.Owner.String(), "name", p.Name, "model", p.Model, "provider", p.Provider, "namespace", p.Namespace)
	w.Blob("parameters", p.Parameters)
	w.Flag("active", p.Active)
	w.Time("created_at", p.CreatedAt)
	w.Time("updated_at", p.UpdatedAt)
	return record{key: keyOf(kindProfile, p.ID), subject: ProfileSubject(p.Name), row: row{version: p.Version}, owner: p.Owner, fields: w}
}

// poolRecord has the owner in its id, since a pool has none of its own.
func poolRecord(p core.Pool) record {
	var w audit.Row
	w.Text("owner", p.Owner.String(), "provider", p.Provider, "namespace", p.Namespace, "strategy", string(p.Strategy))
	w.Flag("allow_ambiguous", p.AllowAmbiguous)
	w.Time("updated_at", p.UpdatedAt)
	ref := p.Provider + "/" + p.Namespace
	return record{key: keyOf(kindPool, p.Owner.String()+"/"+ref), subject: PoolSubject(ref), row: row{version: p.Version}, owner: p.Owner, fields: w}
}

func userRecord(u core.User) record {
	var w audit.Row
	w.Text("id", u.ID, "name", u.Name, "email", u.Email, "role", string(u.Role))
	w.Flag("disabled", u.Disabled)
	w.Time("created_at", u.CreatedAt)
	w.Time("updated_at", u.UpdatedAt)
	return record{key: keyOf(kindUser, u.ID), subject: UserSubject(u.Name), row: row{version: u.Version}, fields: w}
}

// tokenRecord leaves out when the token was used. It is written once.
func tokenRecord(t core.Token) record {
	var w audit.Row
	w.Text("id", t.ID, "user_id", t.UserID, "name", t.Name, "maker", t.Maker)
	w.Blob("digest", t.Digest)
	w.Number("scopes", int64(t.Scopes))
	w.Time("created_at", t.CreatedAt)
	w.Time("expires_at", t.ExpiresAt)
	return record{key: keyOf(kindToken, t.ID), subject: TokenSubject(t.ID), row: row{version: 1, until: t.ExpiresAt}, owner: core.User{ID: t.UserID}.Owner(), fields: w}
}

// sessionRecord is as tokenRecord.
func sessionRecord(s core.BrowserSession) record {
	var w audit.Row
	w.Text("id", s.ID, "user_id", s.UserID, "agent", s.Agent, "address", s.Address)
	w.Blob("digest", s.Digest)
	w.Time("created_at", s.CreatedAt)
	w.Time("expires_at", s.ExpiresAt)
	return record{key: keyOf(kindSession, s.ID), subject: SessionSubject(s.ID), row: row{version: 1, until: s.ExpiresAt}, owner: core.User{ID: s.UserID}.Owner(), fields: w}
}

// workspaceRecord is of a live one, and leaves out when it expires, which
// renewals move.
func workspaceRecord(s core.Workspace) record {
	var w audit.Row
	w.Text("id", s.ID, "owner", s.Owner.String(), "namespace", s.Namespace, "process", s.Process, "launcher", s.Launcher)
	w.Map("labels", s.Labels)
	w.List("only", s.Only)
	w.List("except", s.Except)
	w.Map("providers", s.Providers)
	w.Flag("gateway", s.Gateway)
	w.Blob("session_digest", s.SessionDigest)
	w.Blob("gateway_digest", s.GatewayDigest)
	w.Time("created_at", s.CreatedAt)
	w.Time("updated_at", s.UpdatedAt)
	return record{key: keyOf(kindWorkspace, s.ID), subject: WorkspaceSubject(s.ID), row: row{version: s.Version}, owner: s.Owner, fields: w}
}

// proofRecord has the steps of a proof for its version: it was made, decided,
// used up.
func proofRecord(p core.Proof) record {
	var w audit.Row
	w.Text("id", p.ID, "kind", string(p.Kind), "user_id", p.UserID, "requester", p.Requester, "subject", p.Subject,
		"state", string(p.State), "approver", p.Approver)
	w.Blob("digest", p.Digest)
	w.Blob("user_code", p.UserCode)
	w.Number("subject_version", p.Version)
	w.Time("created_at", p.CreatedAt)
	w.Time("decided_at", p.DecidedAt)
	w.Time("expires_at", p.ExpiresAt)
	return record{key: keyOf(kindProof, p.ID), subject: ProofSubject(p.ID), row: row{version: proofStep(p.State), until: p.ExpiresAt}, fields: w}
}

func proofStep(s core.ProofState) int64 {
	switch s {
	case core.ProofPending:
		return 1
	case core.ProofApproved, core.ProofDenied:
		return 2
	}
	return 3
}
