package upstream_test

import (
	"net/netip"
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/upstream"
)

func parse(t testing.TB, exceptions ...string) upstream.Rules {
	t.Helper()
	r, err := upstream.Parse(exceptions)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A user of a server entered base URLs that lead into the network that the server
// stands in: its own ports, the cloud's metadata, machines beside it. Each way of
// writing such a host is refused when it is entered.
func TestBaseURLsThatLeadInside(t *testing.T) {
	r := parse(t)
	for _, u := range []string{
		"https://127.0.0.1/v1", "https://127.1", "https://127.0.0.1.", "https://127.0.0.2:8443",
		"https://2130706433/", "https://0x7f000001", "https://0x7f.0.0.1", "https://0177.0.0.1", "https://017700000001",
		"https://127.0.0.0x1", "https://0X7F.1", "https://00000127.1", "https://0", "https://0.0.0.0", "https://0x0",
		"https://[::1]", "https://[::]", "https://[0:0:0:0:0:0:0:1]:443", "https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]",
		"https://[::127.0.0.1]", "https://[64:ff9b::7f00:1]", "https://[64:ff9b::a9fe:a9fe]", "https://[64:ff9b:1::7f00:1]",
		"https://[2002:7f00:1::]", "https://[2001:0:7f00:1::]", "https://[fe80::1%25eth0]", "https://[2606:4700::1%25eth0]",
		"https://[2606:4700::5efe:7f00:1]", "https://[2606:4700::200:5efe:a00:1]",
		"https://169.254.169.254/latest", "https://[fd00:ec2::254]", "https://100.100.100.200", "https://168.63.129.16", "https://192.0.0.192",
		"https://2852039166", "https://0xA9FEA9FE", "https://0251.0376.0251.0376", "https://[::ffff:a9fe:a9fe]",
		"https://10.0.0.1", "https://172.16.0.1", "https://172.31.255.255", "https://192.168.1.1", "https://100.64.0.1", "https://198.18.0.1",
		"https://224.0.0.1", "https://255.255.255.255", "https://240.0.0.1", "https://[ff02::1]", "https://[fc00::1]", "https://[fec0::1]",
		"https://localhost", "https://LOCALHOST", "https://localhost.", "https://a.localhost", "https://localhost.localdomain", "https://ip6-localhost",
		"http://api.example.com", "http://1.1.1.1", "ftp://api.example.com", "api.example.com", "", "https://", "://", "https:///x",
	} {
		err := r.CheckURL(u)
		e, ok := err.(*core.Error)
		if !ok || e.Code != core.Invalid || e.Field != "base_url" || e.Hint == "" {
			t.Errorf("%s: %v", u, err)
		}
		if err := (upstream.Rules{}).CheckURL(u); err != nil {
			t.Errorf("%s on one machine: %v", u, err)
		}
	}
	for _, u := range []string{
		"https://api.example.com/v1", "https://api.example.com:8443", "https://1.1.1.1", "https://[2606:4700:4700::1111]",
		"https://a1.example.com", "https://1password.com", "https://[64:ff9b::101:101]", "https://x--y.example", "https://0x.example.org",
	} {
		if err := r.CheckURL(u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	r := parse(t)
	for a, want := range map[string]bool{
		"1.1.1.1": true, "93.184.216.34": true, "2606:4700:4700::1111": true, "64:ff9b::5db8:d822": true, "::ffff:1.1.1.1": true,
		"127.0.0.1": false, "::1": false, "10.1.2.3": false, "169.254.169.254": false, "fd00:ec2::254": false, "100.64.0.1": false,
		"0.0.0.0": false, "::": false, "::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "fe80::1": false,
		"224.0.0.251": false, "ff0e::1": false, "203.0.113.1": false, "2001:db8::1": false, "4000::1": false, "168.63.129.16": false,
		"168.63.129.17": true, "172.32.0.1": true, "172.15.255.255": true, "11.0.0.1": true, "100.128.0.1": true,
	} {
		err := r.CheckAddr(netip.MustParseAddr(a))
		if (err == nil) != want {
			t.Errorf("%s: %v, want it allowed: %t", a, err, want)
		}
		if err != nil && core.CodeOf(err) != core.Forbidden {
			t.Errorf("%s: %v", a, err)
		}
	}
	if err := r.CheckAddr(netip.Addr{}); err == nil {
		t.Error("no address at all is allowed")
	}
	if err := r.CheckAddr(netip.MustParseAddr("2606:4700::1%eth0")); err == nil {
		t.Error("an address of one link is allowed")
	}
}

func TestExceptions(t *testing.T) {
	r := parse(t, "10.1.0.0/16", "127.0.0.1", "[fd00::7]", "models.internal", "Other.Internal:8443", "10.9.9.9")
	for u, want := range map[string]bool{
		"https://10.1.2.3": true, "https://10.2.0.1": false, "http://10.1.2.3": true, "http://127.0.0.1:9": true, "https://127.0.0.2": false,
		"http://localhost:9": true, "https://[fd00::7]": true, "https://[fd00::8]": false, "https://[::ffff:10.1.2.3]": true,
		"https://models.internal": true, "http://models.internal:81": true, "https://MODELS.internal.": true, "https://x.models.internal": true,
		"https://other.internal:8443": true, "http://other.internal": false, "https://10.9.9.9": true, "https://10.9.9.8": false,
	} {
		if err := r.CheckURL(u); (err == nil) != want {
			t.Errorf("%s: %v, want it allowed: %t", u, err, want)
		}
	}
	if err := r.CheckAddr(netip.MustParseAddr("::ffff:10.1.2.3")); err != nil {
		t.Error(err)
	}
	if err := r.CheckAddr(netip.MustParseAddr("10.2.0.1")); err == nil {
		t.Error("what is not listed is allowed")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "10.0.0.0/33", "https://x.example", "a b", "x/y", "127.1", "0x7f000001", "fe80::1%eth0", "*.example.com", ".example.com", "x:y", "user@host", strings.Repeat("a/", 100)} {
		_, err := upstream.Parse([]string{text})
		if e, ok := err.(*core.Error); !ok || e.Code != core.Invalid || e.Hint == "" || len(e.Message) > 200 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever address stands in a URL that is let through, in a form that Go reads,
// is one that may be dialled.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://127.0.0.1", "https://[::ffff:7f00:1]", "https://1.1.1.1:443/v1", "https://0x7f.1", "https://[64:ff9b::7f00:1]"} {
		f.Add(s)
	}
	r := parse(f)
	f.Fuzz(func(t *testing.T, raw string) {
		if r.CheckURL(raw) != nil {
			return
		}
		host := strings.TrimPrefix(raw, "https://")
		host, _, _ = strings.Cut(host, "/")
		if a, err := netip.ParseAddr(strings.Trim(host, "[].")); err == nil && r.CheckAddr(a) != nil {
			t.Errorf("%q is let through, and %s is not", raw, a)
		}
	})
}
