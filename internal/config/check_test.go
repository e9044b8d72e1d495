package config_test

import (
	"strings"
	"testing"

	"keyfob/internal/config"
)

func TestValuesThatCannotBeTogether(t *testing.T) {
	for _, c := range []struct {
		flags map[string]string
		want  string // part of a fault; empty: it is fine
	}{
		{map[string]string{"listen": "0.0.0.0:80"}, "listen is reached from other machines, but there is no TLS"},
		{map[string]string{"listen": ":80"}, "listen is reached from other machines"},
		{map[string]string{"listen": "[::]:80", "insecure": "true"}, ""},
		{map[string]string{"listen": "[::1]:0"}, ""},
		{map[string]string{"listen": "localhost:80"}, ""},
		{map[string]string{"listen": "127.0.0.1:70000"}, "listen must be HOST:PORT"},
		{map[string]string{"listen": "127.0.0.1:080"}, "listen must be HOST:PORT"},
		{map[string]string{"tls_cert": "a"}, "tls_key and tls_cert go together"},
		{map[string]string{"tls_cert": "a", "tls_key": "b"}, "public_url must be set with TLS"},
		{map[string]string{"tls_cert": "a", "tls_key": "b", "public_url": "http://localhost"}, "public_url must be https where tls_cert is set"},
		{map[string]string{"tls_cert": "a", "tls_key": "b", "public_url": "https://k.example", "listen": ":443"}, ""},
		{map[string]string{"tls_client_ca": "a"}, "tls_client_ca needs tls_cert"},
		{map[string]string{"public_url": "http://k.example"}, "public_url must be https, unless insecure is set"},
		{map[string]string{"public_url": "http://localhost:8080"}, ""},
		{map[string]string{"public_url": "https://k.example/path"}, "without a path"},
		{map[string]string{"public_url": "https://k.example/"}, "without a path"},
		{map[string]string{"public_url": "https://u:p@k.example"}, "public_url must be"},
		{map[string]string{"public_url": "https://K.example"}, "in lower case"},
		{map[string]string{"public_url": "https://k.example:99999"}, "public_url must be"},
		{map[string]string{"public_url": "https://k.example?"}, "public_url must be"},
		{map[string]string{"public_url": "ftp://k.example"}, "public_url must be"},
		{map[string]string{"identity_header": "X-User"}, "identity_header is believed only from a proxy that proves itself"},
		{map[string]string{"identity_header": "X-User", "proxy_networks": "10.0.0.1"}, "identity_header is believed only"},
		{map[string]string{"identity_header": "X-User", "proxy_secret_file": "f"}, "identity_header is believed only"},
		{map[string]string{"identity_header": "X-User", "proxy_networks": "10.0.0.1", "proxy_secret_file": "f"}, ""},
		{map[string]string{"identity_header": "Authorization", "proxy_networks": "10.0.0.1", "proxy_secret_file": "f"}, "cannot be that header"},
		{map[string]string{"identity_header": "X User", "proxy_networks": "10.0.0.1", "proxy_secret_file": "f"}, "must be the name of a header"},
		{map[string]string{"identity_header": "X-U", "identity_email_header": "x-u", "proxy_networks": "10.0.0.1", "proxy_secret_file": "f"}, "must be another header"},
		{map[string]string{"identity_email_header": "X-Email"}, "needs identity_header"},
		{map[string]string{"proxy_networks": "10.0.0.1"}, "go together"},
		{map[string]string{"proxy_networks": "10.0.0.1", "proxy_certificates": "p"}, "needs tls_client_ca"},
		{map[string]string{"metrics_listen": "127.0.0.1:4780"}, "must be another address than listen"},
		{map[string]string{"metrics_listen": ":9464"}, "metrics_listen is reached from other machines"},
		{map[string]string{"metrics_listen": "10.0.0.1:9464"}, "metrics_listen is reached from other machines"},
		{map[string]string{"metrics_listen": "0.0.0.0:9464", "tls_cert": "a", "tls_key": "b", "public_url": "https://k.example"}, "never speaks TLS"},
		{map[string]string{"metrics_listen": ":9464", "insecure": "true"}, ""},
		{map[string]string{"metrics_listen": "[::1]:9464"}, ""},
		{map[string]string{"admin_email": "Ada@example.com"}, "in lower case"},
		{map[string]string{"log_level": "loud"}, "log_level must be"},
		{map[string]string{"upstream_allow": "10.0.0.0/8,ollama.internal:11434,[fd00::1]:80,fd00::1"}, ""},
		{map[string]string{"upstream_allow": "http://x"}, "upstream_allow must be"},
		{map[string]string{"max_requests": "10", "max_requests_per_workspace": "11"}, "max_requests_per_workspace cannot be reached: max_requests is 10"},
		{map[string]string{"max_requests": "10"}, ""},
		{map[string]string{"max_connections": "10", "max_requests": "21"}, "max_requests cannot be reached: max_connections lets in 20"},
		{map[string]string{"max_connections": "10", "max_requests": "20"}, ""},
		{map[string]string{"max_connections": "10"}, ""},
		{map[string]string{"spool_disk": "1048576"}, "max_replay_bytes cannot be kept: spool_disk takes 1048576 bytes"},
		{map[string]string{"spool_disk": "1048576", "max_replay_bytes": "1048576"}, ""},
		{map[string]string{"spool_disk": "1000"}, "spool_disk must be 1048576 to"},
		{map[string]string{"gateway_write_idle": "10ms"}, "gateway_write_idle must be 1s to 1h"},
		{map[string]string{"idle_time": "2h"}, "idle_time must be 1s to 1h"},
		{map[string]string{"launchers": "x"}, "must stand in the configuration file"},
	} {
		_, err := config.Load("", nil, c.flags)
		if c.want == "" {
			if err != nil {
				t.Errorf("%v: %v", c.flags, faults(t, err))
			}
			continue
		}
		if err == nil {
			t.Errorf("%v is taken, want %q", c.flags, c.want)
		} else if got := strings.Join(faults(t, err), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%v: got %q, want %q", c.flags, got, c.want)
		}
	}
}

func TestUpstreams(t *testing.T) {
	s, err := config.Load("", nil, map[string]string{"upstream_allow": "10.1.2.3/8, 192.168.0.1, ollama.internal"})
	if err != nil {
		t.Fatal(err)
	}
	networks, names := s.Upstreams()
	if len(networks) != 2 || networks[0].String() != "10.0.0.0/8" || networks[1].String() != "192.168.0.1/32" || len(names) != 1 {
		t.Errorf("got %v, %v", networks, names)
	}
}
