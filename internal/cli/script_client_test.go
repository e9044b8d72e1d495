package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// clientMain is a client of the gateway: with KEYFOB_TEST_CLIENT set, this test
// binary sends one message to where a workspace points it and prints the answer.
func clientMain() int {
	body := `{"model":"test-large","max_tokens":16,"messages":[{"role":"user","content":"hello"}]}`
	req, err := http.NewRequest(http.MethodPost, os.Getenv("ANTHROPIC_BASE_URL")+"/v1/messages", strings.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("Authorization", "Bearer "+os.Getenv("ANTHROPIC_AUTH_TOKEN"))
	resp, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	fmt.Printf("%d %s\n", resp.StatusCode, answer)
	return 0
}
