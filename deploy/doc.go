// Package deploy holds how Keyfob is run: a systemd unit, an example of a proxy
// in front of it, and of its settings. Its tests run them for real:
//
//	go test -tags deploy ./deploy
package deploy
