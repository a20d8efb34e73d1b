// Package termbg tells lipgloss, before anything asks, that the terminal has a
// dark background.
//
// bubbletea v1 asks the terminal for its background in an init function, even
// where a program only prints its version: on a terminal that never answers that
// is a stall of seconds, and keys typed meanwhile are eaten. Go initialises
// packages that do not depend on each other in the order of their import paths,
// and belay/... comes before github.com/charmbracelet/bubbletea, so the answer
// stands before the question. Nothing here may import bubbletea.
//
// belay's colours read on light and dark backgrounds alike, so nothing is lost.
package termbg

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
