package storetest

import (
	"time"

	"keyfob/internal/core"
)

// at is a time as a store keeps it: to the microsecond, in UTC.
func at(n int) time.Time {
	return time.Date(2025, 6, 1, 12, 0, 0, 123456000, time.UTC).Add(time.Duration(n) * time.Microsecond)
}

// Secret is a secret of the local user with every field set; its name comes
// from the id.
func Secret(id string) core.SealedSecret {
	return core.SealedSecret{
		Secret: core.Secret{
			ID: id, Owner: core.Local, Name: "NAME_" + id, Description: "what it is, in ünïcode", Enabled: true,
			Env: "ENV_" + id, File: "~/." + id, Lookup: true, Selector: core.Selector{"team": "web", "a": "b"},
			Size: 5, Version: 1, ValueVersion: 1, CreatedAt: at(1), UpdatedAt: at(2),
		},
		KeyID: "key_1", Ciphertext: []byte{0, 1, 2, 0xff, 'x'},
	}
}

// Account is an account of the local user with every field set; its label is
// the id.
func Account(id string) core.SealedAccount {
	return core.SealedAccount{
		Account: core.Account{
			ID: id, Owner: core.Local, Provider: "anthropic", Namespace: core.DefaultNamespace, Label: id, Kind: core.APIKey,
			BaseURL: "https://api.example.com", QuotaGroup: "team", Enabled: true, Position: 3, Epoch: 0, Fingerprint: "wxyz",
			Selector: core.Selector{"team": "web"}, Limit: core.Limit{Requests: 7, Tokens: 1 << 40},
			Version: 1, ValueVersion: 1, CreatedAt: at(1), UpdatedAt: at(2),
		},
		KeyID: "key_1", Ciphertext: []byte{9, 0, 9},
	}
}

// Workspace is a live workspace of the local user with every field set.
func Workspace(id string) core.Workspace {
	return core.Workspace{
		ID: id, Owner: core.Local, Labels: map[string]string{"team": "web"}, Namespace: "work", Only: []string{"A", "B"},
		Except: []string{"C"}, Providers: map[string]string{"openai": "openrouter"}, Gateway: true, Process: "1:2",
		SessionDigest: core.TokenDigest("session " + id), GatewayDigest: core.TokenDigest("gateway " + id), CreatedAt: at(1),
		Launcher: "terraform", Version: 1, UpdatedAt: at(2), ExpiresAt: at(1000),
	}
}

// Entry is an audit entry with every field set that a store keeps: of the actor
// its kind, id and owner.
func Entry(writer string, seq int64) core.AuditEntry {
	return core.AuditEntry{
		Writer: writer, Seq: seq, At: at(int(seq)), Actor: core.Actor{Kind: core.UserActor, ID: "local", Owner: core.Local}, Action: "secret.set", Owner: core.Local,
		Subject: "secret:X", Outcome: "ok", Detail: map[string]string{"version": "1"}, PrevHash: []byte{1, byte(seq)}, Hash: []byte{2, byte(seq)},
	}
}

// User is a user with every field set; name and address come from the id.
func User(id string) core.User {
	return core.User{
		ID: id, Name: "name-" + id, Email: id + "@example.com", Role: core.RoleAdmin, Disabled: true,
		Version: 1, CreatedAt: at(1), UpdatedAt: at(2),
	}
}

// Token is a personal token with every field set; its digest is the id's.
func Token(id, user string) core.Token {
	return core.Token{
		ID: id, UserID: user, Name: "laptop", Digest: core.TokenDigest(id), Scopes: core.AllScopes, Maker: "tok_maker",
		CreatedAt: at(1), ExpiresAt: at(1000), UsedAt: at(3),
	}
}

// Session is a browser session with every field set; its digest is the id's.
func Session(id, user string) core.BrowserSession {
	return core.BrowserSession{
		ID: id, UserID: user, Digest: core.TokenDigest(id), Agent: "Browser/1 (ünïcode)", Address: "2001:db8::1",
		CreatedAt: at(1), ExpiresAt: at(1000), UsedAt: at(3),
	}
}

// Proof is a pending proof with every field set that it can have.
func Proof(id string) core.Proof {
	return core.Proof{
		ID: id, Kind: core.DeviceProof, Digest: core.TokenDigest("digest " + id), UserCode: core.TokenDigest("code " + id),
		UserID: "ann", Requester: "token:tok_1", Subject: "sec_1", Version: 3, State: core.ProofPending, Approver: "ses_1",
		CreatedAt: at(1), DecidedAt: at(2), ExpiresAt: at(1000),
	}
}

// Pool is the settings of a pool of the local user, as they are stored first.
func Pool(provider, namespace string) core.Pool {
	return core.Pool{
		Owner: core.Local, Provider: provider, Namespace: namespace, Strategy: core.RoundRobin, AllowAmbiguous: true,
		Version: 1, UpdatedAt: at(2),
	}
}

// Profile is an LLM profile of the local user with every field set but Active;
// its name comes from the id.
func Profile(id string) core.Profile {
	return core.Profile{
		ID: id, Owner: core.Local, Name: "name-" + id, Model: "m-1", Provider: "anthropic", Namespace: "work",
		Parameters: []byte(`{"temperature": 0.50, "a":"ü"}`), Version: 1, CreatedAt: at(1), UpdatedAt: at(2),
	}
}

// MCPServer is an MCP server of the local user with every field set; its name
// comes from the id.
func MCPServer(id string) core.SealedMCPServer {
	return core.SealedMCPServer{
		MCPServer: core.MCPServer{
			ID: id, Owner: core.Local, Name: "name-" + id, Transport: core.MCPHTTP, URL: "https://mcp.example.com/x", Command: "npx",
			Args: []string{"-y", "", "a b", "ü<&>"}, HasToken: true, Headers: []string{"X-A", "X-B"}, Env: []string{"A"}, Timeout: 30,
			Enabled: true, Version: 1, ValueVersion: 1, CreatedAt: at(1), UpdatedAt: at(2),
		},
		KeyID: "key_1", Ciphertext: []byte{7, 0, 0xff},
	}
}
