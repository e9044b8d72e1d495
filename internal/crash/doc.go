// Package crash kills the built program, hundreds of times, at random moments of
// its writes and deliveries, and looks at what is left: every acknowledged write,
// no half-written file, and nobody else's file harmed.
package crash
