// Package tui is the wizard in the terminal: it shows where every rollout
// stands, looks at domains while the operator watches, shows plans before they
// are carried out, and carries out only what was accepted by hand.
//
// There is one tea.Model, app. It routes every message to the overlay that is
// open, else to the global keys, else to the screen on top of its stack. Screens
// are plain structs that hold what they show as rendered lines and give them out
// unchanged until something changes, so that a frame costs what fits the window
// and not what is known. What a key does and what the footer and the help say of
// it come from one list (see act), so that they cannot differ.
//
// Update never waits. Whatever takes time is an errand of the crew, which counts
// its errands and is waited for at the end. What an engine tells while it works
// comes through a feed, which never blocks the engine. A walk that writes is
// asked to stop and is then given the time to finish the edit it is at.
//
// Foreign text has passed finding.Clean before it is laid out. Word, glyph and
// colour say the same thing: without colour nothing is lost.
package tui
