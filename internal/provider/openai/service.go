package openai

import (
	"keyfob/failover"
	"keyfob/internal/provider"
	"keyfob/internal/provider/wire"
)

// OpenAI is OpenAI itself.
func OpenAI() Service {
	return Service{
		Info: provider.Info{
			ID: "openai", Title: "OpenAI", BaseURL: "https://api.openai.com/v1",
			Policy:  allowed("API keys are allowed."),
			KeyPage: "https://platform.openai.com/api-keys",
			KeyVars: []string{"OPENAI_API_KEY", "CODEX_API_KEY"},
		},
		Foreign: []wire.Foreign{anthropicKey, openRouterKey},
	}
}

// Compatible is any service that speaks the dialect.
func Compatible() Service {
	return Service{Info: provider.Info{
		ID: "openai-compatible", Title: "OpenAI-compatible service",
		Policy: allowed("The service's own terms apply."),
	}}
}

// Others are the services that are known by name.
func Others() []Service {
	return []Service{
		openRouter(),
		named("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "https://platform.deepseek.com/api_keys", "DEEPSEEK_API_KEY", failover.QuotaGroup),
		named("groq", "Groq", "https://api.groq.com/openai/v1", "https://console.groq.com/keys", "GROQ_API_KEY", failover.Model),
		named("mistral", "Mistral", "https://api.mistral.ai/v1", "https://console.mistral.ai/api-keys", "MISTRAL_API_KEY", failover.QuotaGroup),
		named("xai", "xAI", "https://api.x.ai/v1", "https://console.x.ai", "XAI_API_KEY", failover.Model),
	}
}

// openRouter lists its models to anybody, so another path proves a key. It asks
// applications to name themselves, which stays the client's affair.
func openRouter() Service {
	s := named("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "https://openrouter.ai/settings/keys", "OPENROUTER_API_KEY", failover.Model)
	s.Probe = "/key"
	s.Headers = []string{"Http-Referer", "X-Title", "X-Openrouter-*"}
	return s
}

func named(id, title, base, page, keyVar string, limits failover.Scope) Service {
	return Service{
		Info: provider.Info{
			ID: id, Title: title, BaseURL: base, KeyPage: page, KeyVars: []string{keyVar},
			Policy: allowed("API keys are allowed."),
		},
		Limits:  limits,
		Foreign: []wire.Foreign{anthropicKey},
	}
}

func allowed(note string) provider.Policy { return provider.Policy{Verdict: "allowed", Note: note} }

var (
	anthropicKey  = wire.Foreign{Prefix: "sk-ant-", Message: "this is an Anthropic key", Hint: "add it with: keyfob account add anthropic"}
	openRouterKey = wire.Foreign{Prefix: "sk-or-", Message: "this is an OpenRouter key", Hint: "add it with: keyfob account add openrouter"}
)
