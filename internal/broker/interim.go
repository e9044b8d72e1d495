package broker

import (
	"context"
	"errors"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
)

// maxInterim is how many interim answers (1xx) a request may get. Upstreams send
// one or two, if any; net/http waits on while they come.
const maxInterim = 16

var errInterim = errors.New("the upstream sends interim answers without end")

// fewInterim gives a context whose requests end when an upstream sends more than
// that. None is passed on.
func fewInterim(ctx context.Context) context.Context {
	var n atomic.Int32
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			if n.Add(1) > maxInterim {
				return errInterim
			}
			return nil
		},
	})
}
