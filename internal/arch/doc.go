// Package arch holds the house in order: its tests check the direction of
// imports, who may reveal a secret, who may use an outside module, and the size
// of files and functions. The rules are data in rules_test.go, a reason per line.
package arch
