// Package target holds the rule on the paths that secrets of the organisation
// may be written to. A user chooses freely where their own secrets go. What an
// administrator gives to everybody must not be able to run a program in
// everybody's name, so it cannot aim at what a shell, git, ssh, systemd, Keyfob
// or the system obeys.
//
// The rule is asked twice: when a secret is saved, with its path as it is
// written, and where it is delivered, with the path that it leads to once every
// link is followed.
package target
