// Package attack attacks the built program's server from outside, as its users,
// their neighbours and web pages could. Each test opens with the story of its
// attack, and asserts the refusal, that nothing has changed and no value came
// out, and that the legitimate form of the same request works.
//
// The tests run on Linux alone, where every address of 127.0.0.0/8 is this
// machine's: each request has a client address of its own, so that no test is
// slowed down for the guesses of another.
package attack
