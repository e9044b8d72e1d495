package throttle_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/throttle"
)

// wait is for how long the key is refused; 0: it is not.
func wait(t *testing.T, th *throttle.Throttle, key string) time.Duration {
	t.Helper()
	err := th.Allow(key)
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Code != core.Exhausted || e.Reason != "too_many_attempts" || e.Hint == "" || e.RetryAfter <= 0 {
		t.Fatalf("refused by %#v", err)
	}
	return e.RetryAfter
}

func fail(th *throttle.Throttle, key string, n int) {
	for range n {
		th.Failed(key)
	}
}

func TestRefusalsDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(throttle.Config{})
		for n, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
			fail(th, "a", 9)
			if w := wait(t, th, "a"); w != 0 {
				t.Fatalf("round %d: refused for %s after 9 failures", n, w)
			}
			fail(th, "a", 1)
			if w := wait(t, th, "a"); w != want*time.Minute {
				t.Fatalf("round %d: refused for %s, want %s", n, w, want*time.Minute)
			}
			if w := wait(t, th, "b"); w != 0 {
				t.Fatalf("round %d: another is refused for %s", n, w)
			}
			time.Sleep(want*time.Minute - time.Nanosecond)
			if w := wait(t, th, "a"); w != time.Nanosecond {
				t.Fatalf("round %d: refused for %s at the end", n, w)
			}
			time.Sleep(time.Nanosecond)
			if w := wait(t, th, "a"); w != 0 {
				t.Fatalf("round %d: refused for %s when it is over", n, w)
			}
		}
	})
}

func TestFewFailuresAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(throttle.Config{})
		for range 5 {
			fail(th, "a", 9)
			time.Sleep(time.Minute)
		}
		if w := wait(t, th, "a"); w != 0 {
			t.Errorf("refused for %s though never 10 in a minute", w)
		}
	})
}

func TestFailuresDuringARefusalDoNotProlongIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(throttle.Config{})
		fail(th, "a", 40)
		if w := wait(t, th, "a"); w != time.Minute {
			t.Errorf("refused for %s", w)
		}
	})
}

func TestAQuietKeyBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(throttle.Config{})
		fail(th, "a", 10)
		time.Sleep(29 * time.Minute)
		fail(th, "a", 10)
		if w := wait(t, th, "a"); w != 2*time.Minute {
			t.Errorf("refused for %s before it is forgotten", w)
		}
		time.Sleep(30 * time.Minute)
		fail(th, "a", 10)
		if w := wait(t, th, "a"); w != time.Minute {
			t.Errorf("refused for %s after it was forgotten", w)
		}
	})
}

// Ten users with ten wrong codes each refused everybody for a quarter of an hour.
// Whoever has not failed goes on; of those who have, none gets another try.
func TestTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(throttle.Config{Total: 25})
		for n := range 24 {
			fail(th, fmt.Sprint(n), 1)
		}
		if w := wait(t, th, "3"); w != 0 {
			t.Errorf("refused for %s below the total", w)
		}
		time.Sleep(time.Minute)
		fail(th, "y", 1)
		for _, key := range []string{"y", "3"} {
			if w := wait(t, th, key); w != 14*time.Minute {
				t.Errorf("%s, who failed, is refused for %s at the total", key, w)
			}
		}
		if w := wait(t, th, "x"); w != 0 {
			t.Errorf("refused for %s by what others did", w)
		}
		fail(th, "x", 1)
		if w := wait(t, th, "x"); w != 14*time.Minute {
			t.Errorf("refused for %s after a failure beyond the total", w)
		}
		time.Sleep(14 * time.Minute)
		fail(th, "z", 1)
		for _, key := range []string{"x", "y", "z"} {
			if w := wait(t, th, key); w != 0 {
				t.Errorf("%s is refused for %s by a total that is over", key, w)
			}
		}
	})
}

// Somebody with very many addresses must not fill the memory.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(throttle.Config{Keys: 100})
		fail(th, "first", 10)
		for n := range 99 {
			th.Failed(fmt.Sprint(n))
		}
		if th.Keys() != 100 || wait(t, th, "first") == 0 {
			t.Fatalf("%d keys, and the first forgotten too early", th.Keys())
		}
		for n := range 10_000 {
			th.Failed(fmt.Sprint("more", n))
			if th.Keys() > 100 {
				t.Fatalf("%d keys", th.Keys())
			}
		}
		fail(th, "last", 10)
		if wait(t, th, "last") == 0 {
			t.Error("the newest is not remembered")
		}
		time.Sleep(time.Hour)
		th.Failed("other")
		if th.Keys() != 1 {
			t.Errorf("%d keys after an hour of quiet", th.Keys())
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	th := throttle.New(throttle.Config{Keys: 8, Total: 1 << 30})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 500 {
				key := fmt.Sprint((g + n) % 16)
				_ = th.Allow(key)
				th.Failed(key)
			}
		})
	}
	wg.Wait()
	if th.Keys() > 8 {
		t.Errorf("%d keys", th.Keys())
	}
}

func TestClient(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"::1", "::/64"},
		{"127.3.2.1", "127.3.2.1"},
		{"", "unknown"},
	} {
		a, _ := netip.ParseAddr(c.text) // the zero Addr for what is none
		if got := throttle.Client(a); got != c.want {
			t.Errorf("%q gives %q, want %q", c.text, got, c.want)
		}
	}
}

func TestMachine(t *testing.T) {
	for text, want := range map[string]string{
		"::1": "loopback", "127.0.0.1": "loopback", "127.3.2.1": "loopback", "::ffff:127.0.0.2": "loopback", "::1%lo": "loopback",
		"128.0.0.1": "128.0.0.1", "::2": "::/64", "": "unknown",
	} {
		a, _ := netip.ParseAddr(text) // the zero Addr for what is none
		if got := throttle.Machine(a); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

// FuzzClient holds that every address has a key of bounded length, that a zone
// changes nothing, and that neighbours within 64 bits share their key.
func FuzzClient(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "::1%lo", "::ffff:1.2.3.4", "2001:db8::1", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return
		}
		key := throttle.Client(a)
		if key == "" || len(key) > 64 || strings.Contains(key, "%") {
			t.Fatalf("%q gives %q", text, key)
		}
		if got := throttle.Client(a.WithZone("")); got != key {
			t.Errorf("%q gives %q without its zone, %q with it", text, got, key)
		}
		if b := a.Unmap().WithZone(""); b.Is6() {
			raw := b.As16()
			raw[15] ^= 0xff
			if got := throttle.Client(netip.AddrFrom16(raw)); got != key && !netip.AddrFrom16(raw).Is4In6() {
				t.Errorf("a neighbour of %q has the key %q, not %q", text, got, key)
			}
		}
	})
}
