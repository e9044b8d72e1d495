package seal

import (
	"net"
	"net/url"
	"strings"

	"keyfob/internal/core"
)

// Origin is scheme://host:port of an http or https URL, in lower case and with
// the port always written: the text that stands for an upstream in a Binding.
// Errors are of code invalid; the URL is not in them, since it may hold a
// password.
func Origin(baseURL string) (string, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return "", badBase("it cannot be read")
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname())
	ports := map[string]string{"http": "80", "https": "443"}
	switch {
	case ports[scheme] == "":
		return "", badBase("it must begin with https:// or http://")
	case host == "":
		return "", badBase("it names no host")
	case strings.ContainsRune(host, '%'):
		return "", badBase("it names an address with a zone")
	case !ascii(u.Hostname()):
		// What a name outside of ASCII stands for is for IDNA to say, which is
		// not what lower case makes of it.
		return "", badBase("its host has a letter outside of ASCII")
	case u.User != nil:
		return "", badBase("it holds a user name or password")
	}
	port := u.Port()
	if port == "" {
		port = ports[scheme]
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func badBase(why string) error {
	return core.Errorf(core.Invalid, "the base URL is not usable: %s", why).WithField("base_url").
		WithHint("give the URL that the provider's official SDK takes, such as https://api.example.com/v1")
}
