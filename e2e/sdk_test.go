//go:build e2e && linux

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"keyfob/keyfobtest"
)

// Programs that anybody could have written: they name no address and no key.
const (
	anthropicProgram = `
import Anthropic from "MODULES/@anthropic-ai/sdk/index.mjs";
const client = new Anthropic({ maxRetries: 0 });
const ask = { model: "test-large", max_tokens: 9, messages: [{ role: "user", content: "hello" }] };
const whole = await client.messages.create(ask);
console.log("whole:", whole.content[0].text);
let text = "";
for await (const e of await client.messages.create({ ...ask, model: "test-small", stream: true }))
  if (e.type === "content_block_delta") text += e.delta.text;
console.log("stream:", text);
`
	openAIProgram = `
import OpenAI from "MODULES/openai/index.mjs";
const client = new OpenAI({ maxRetries: 0 });
const chat = { model: "test-large", messages: [{ role: "user", content: "hello" }] };
const whole = await client.chat.completions.create(chat);
console.log("whole:", whole.choices[0].message.content);
let text = "";
for await (const c of await client.chat.completions.create({ ...chat, model: "test-small", stream: true }))
  text += c.choices[0]?.delta?.content ?? "";
console.log("stream:", text);
text = "";
for await (const e of await client.responses.create({ model: "test-medium", input: "hello", stream: true }))
  if (e.type === "response.output_text.delta") text += e.delta;
console.log("responses:", text);
`
)

// TestOfficialLibraries runs the makers' own libraries, told not to retry: what
// the first account refuses, they must not notice.
func TestOfficialLibraries(t *testing.T) {
	for _, c := range []struct {
		provider, path, program string
		answers                 []string
	}{
		{"anthropic", "", anthropicProgram, []string{"whole", "stream"}},
		{"openai", "/v1", openAIProgram, []string{"whole", "stream", "responses"}},
	} {
		t.Run(c.provider, func(t *testing.T) {
			p := newPlace(t)
			w := &witness{home: p.home}
			server := p.twoAccounts(t, c.provider, c.path, keyfobtest.Options{
				Text: func(string, string) string { w.look(); return answer },
			})
			script := p.write(t, "program.mjs", strings.ReplaceAll(c.program, "MODULES", clientModules(t)))
			before := networkNow(t)

			got := p.keyfob(t, "", "run", "--", "node", script).must(t)

			var want strings.Builder
			for _, a := range c.answers {
				want.WriteString(a + ": " + answer + "\n")
			}
			if got.out != want.String() {
				t.Errorf("got %q, want %q\n%s", got.out, want.String(), got.errors)
			}
			wantFailover(t, server.Requests())
			keys := accountKeys(c.provider)
			w.wantClean(t, "node", keys)
			wantNoneBelow(t, keys, p.home)
			before.wantOnly(t)
		})
	}
}

func clientModules(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
