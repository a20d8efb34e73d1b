// Package steps is what belay knows about the way of a rollout: how it sees a
// domain from outside, and, one file a phase, what it would change and when it
// lets go.
//
// Looking (Looker) turns what package probe hears into evidence: facts, and
// findings that say what the facts mean for mail. A look is one act over one
// shared view of the world; its parts run side by side, and what follows from
// several of them is judged when all are in. Steps and gates are pure over that
// evidence.
package steps
