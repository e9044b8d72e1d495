package app

import (
	"context"
	"os"
	"os/signal"
)

// RunUntilSignal is Run until the process is asked to end: the first signal
// drains, a second ends at once. Where the platform has it, SIGHUP reads the files of
// TLS anew.
func (s *Server) RunUntilSignal(ctx context.Context, ready func(Ready)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	asked := make(chan os.Signal, 4)
	signal.Notify(asked, append(endSignals(), reloadSignals()...)...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sig := range asked {
			switch {
			case isReload(sig):
				s.Reload(ctx)
			case ctx.Err() == nil:
				cancel()
			default:
				s.Hurry()
			}
		}
	}()
	err := s.Run(ctx, ready)
	signal.Stop(asked)
	close(asked)
	<-done
	return err
}

func isReload(sig os.Signal) bool {
	for _, r := range reloadSignals() {
		if sig == r {
			return true
		}
	}
	return false
}
