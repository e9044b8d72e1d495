//go:build deploy

package deploy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const proxySecret = "0123456789abcdef0123456789abcdef"

// behind is keyfob behind nginx with the example of this directory, where a
// program plays oauth2-proxy: whoever has the cookie "sso" is signed in.
func behind(t *testing.T) (*http.Client, string) {
	t.Helper()
	nginx := needs(t, "nginx", "nginx-light")
	dir := t.TempDir()
	cert, key := certificate(t, dir, "keyfob.example.com")
	sso := httptest.NewServer(http.HandlerFunc(signOn))
	t.Cleanup(sso.Close)
	keyfob := exec.Command(release(t), "serve", "--config", settings(t, dir))
	keyfob.Env = []string{"KEYFOB_HOME=" + filepath.Join(dir, "home"), "PATH=" + os.Getenv("PATH")}
	// With a public URL the port is told by the log alone, so it is a fixed one.
	port := free(t)
	keyfob.Args = append(keyfob.Args, "--listen", port)
	line(t, started(t, keyfob), "serving at ")
	front := free(t)
	b, err := os.ReadFile("nginx/keyfob.conf")
	if err != nil {
		t.Fatal(err)
	}
	site := strings.NewReplacer("listen 443 ssl http2", "listen "+front+" ssl http2", "/etc/keyfob/tls/fullchain.pem", cert, "/etc/keyfob/tls/privkey.pem", key,
		"127.0.0.1:4780", port, "127.0.0.1:4180", strings.TrimPrefix(sso.URL, "http://"), "/etc/nginx/keyfob-proxy-secret.conf",
		write(t, filepath.Join(dir, "secret.conf"), `proxy_set_header Keyfob-Proxy-Secret "`+proxySecret+`";`)).Replace(string(b))
	conf := write(t, filepath.Join(dir, "nginx.conf"), "daemon off;\nerror_log stderr;\npid "+dir+"/pid;\nevents {}\nhttp {\naccess_log off;\n"+
		temporary(dir)+site+"}\n")
	started(t, exec.Command(nginx, "-p", dir, "-c", conf))
	c := &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, front)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if resp, err := c.Get("https://keyfob.example.com/healthz"); err == nil {
			resp.Body.Close()
			return c, "http://" + port
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nginx does not answer")
	return nil, ""
}

// settings is the example, with this test's own files.
func settings(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile("keyfob.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(b), "/etc/keyfob/proxy.secret", write(t, filepath.Join(dir, "proxy.secret"), proxySecret+"\n"))
	text = strings.ReplaceAll(text, "/var/lib/keyfob/audit/audit.jsonl", filepath.Join(dir, "audit.jsonl"))
	text = regexp.MustCompile(`(?m)^(listen|metrics_listen):.*\n`).ReplaceAllString(text, "")
	return write(t, filepath.Join(dir, "keyfob.yaml"), text)
}

func temporary(dir string) string {
	var out string
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		out += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	return out
}

func free(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// signOn is what oauth2-proxy answers to nginx.
func signOn(w http.ResponseWriter, r *http.Request) {
	user, err := r.Cookie("sso")
	switch {
	case r.URL.Path != "/oauth2/auth":
		_, _ = io.WriteString(w, "sign in here")
	case err != nil:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		w.Header().Set("X-Auth-Request-User", user.Value)
		w.Header().Set("X-Auth-Request-Email", user.Value+"@example.com")
		w.WriteHeader(http.StatusAccepted)
	}
}

func TestBehindNginx(t *testing.T) {
	c, past := behind(t)
	ask := func(base, path string, header map[string]string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range header {
			r.Header.Set(k, v)
		}
		client := c
		if base == past {
			client, r.Host = http.DefaultClient, "keyfob.example.com"
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	const front = "https://keyfob.example.com"
	for name, want := range map[string]struct {
		base, path string
		header     map[string]string
		status     int
		text       string
	}{
		"nobody is led to where one signs in": {front, "/docs", nil, 200, "sign in here"},
		"somebody is known":                   {front, "/docs", map[string]string{"Cookie": "sso=grace"}, 200, "signed in as <b>grace</b>"},
		"the administrator, too":              {front, "/sessions", map[string]string{"Cookie": "sso=ada"}, 200, "<b>ada</b>"},
		"a forged header is taken away":       {front, "/docs", map[string]string{"Cookie": "sso=grace", "X-Forwarded-User": "ada", "X-Forwarded-Email": "ada@example.com"}, 200, "<b>grace</b>"},
		"also where nobody signs in":          {front, "/v1/me", map[string]string{"X-Forwarded-User": "ada", "X-Forwarded-Email": "ada@example.com"}, 401, "no_proof"},
		"nor does the secret pass, if known":  {front, "/v1/me", map[string]string{"X-Forwarded-User": "ada", "Keyfob-Proxy-Secret": proxySecret}, 401, "no_proof"},
		"past the proxy":                      {past, "/v1/me", map[string]string{"X-Forwarded-User": "ada"}, 403, "identity_header"},
		"programs bring a token":              {front, "/v1/me", map[string]string{"Authorization": "Bearer kfp_none"}, 401, "bad_token"},
		"the gateway is there":                {front, "/p/anthropic/default/v1/models", map[string]string{"X-Api-Key": "kfg_none"}, 401, "error"},
		"metrics are not":                     {front, "/metrics", nil, 404, ""},
		"readiness is not":                    {front, "/readyz", nil, 404, ""},
		"another host is not answered":        {past, "/metrics", map[string]string{"X-Forwarded-For": "127.0.0.1"}, 404, ""},
	} {
		status, body := ask(want.base, want.path, want.header)
		if status != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}
