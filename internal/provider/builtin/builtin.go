// Package builtin lists the adapters that Keyfob comes with.
package builtin

import (
	"keyfob/internal/provider"
	"keyfob/internal/provider/anthropic"
	"keyfob/internal/provider/google"
	"keyfob/internal/provider/openai"
)

// Registry holds every adapter: the providers themselves, the services that
// speak OpenAI's dialect, and the two for everything else.
func Registry() provider.Registry {
	adapters := []provider.Adapter{anthropic.New(), openai.New(openai.OpenAI()), google.New()}
	for _, s := range openai.Others() {
		adapters = append(adapters, openai.New(s))
	}
	adapters = append(adapters, openai.New(openai.Compatible()), anthropic.Compatible())
	return provider.NewRegistry(adapters...)
}
