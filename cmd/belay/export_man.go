package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manPage is belay(1), made of the commands themselves, so that it has every one of
// them and every flag, in the words of --help.
func manPage(root *cobra.Command, b build) string {
	var r roff
	date, _, _ := strings.Cut(b.Time, "T")
	r.request("TH", "BELAY", "1", date, "belay "+b.Version, "User Commands")
	r.section("NAME")
	r.text(root.Name() + " - " + firstLetter(root.Short, strings.ToLower))
	r.section("SYNOPSIS")
	r.line(root.UseLine())
	r.request("br")
	r.line(root.Name() + " COMMAND [flags]")
	r.section("DESCRIPTION")
	about, status, _ := strings.Cut(root.Long, "\n\nExit status: ")
	r.prose(about)
	r.section("OPTIONS")
	r.text("These hold for every command.")
	manFlags(&r, root.PersistentFlags())
	r.section("COMMANDS")
	manCommands(&r, root)
	r.section("EXIT STATUS")
	r.prose(status)
	r.section("FILES")
	r.item("$XDG_STATE_HOME/belay/belay.db", "The store, in the directory that --state names.")
	r.item("$XDG_STATE_HOME/belay/certificates", "What belay serve got from the CA, unless --certificates names another directory.")
	r.section("STANDARDS")
	r.text("RFC 8461 (MTA-STS), RFC 8460 (SMTP TLS reporting).")
	return r.String()
}

// manCommands describes the commands below c, each with its flags, and theirs.
func manCommands(r *roff, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.Name() == "help" {
			continue
		}
		if !sub.HasAvailableSubCommands() || sub.Runnable() {
			r.subsection(sub.UseLine())
			long := sub.Long
			if long == "" {
				long = sub.Short + "."
			}
			r.prose(long)
			manFlags(r, sub.NonInheritedFlags())
		}
		manCommands(r, sub)
	}
}

func manFlags(r *roff, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		switch {
		case f.NoOptDefVal != "" && value != "":
			name += "[=" + value + "]"
		case value != "":
			name += " " + value
		}
		switch def := f.DefValue; def {
		case "", "false", "0", "[]":
		default:
			usage += fmt.Sprintf(" (default %s)", strings.Trim(def, "[]"))
		}
		if value == "" || !strings.HasPrefix(usage, value) {
			usage = firstLetter(usage, strings.ToUpper)
		}
		r.item(name, usage+".")
	})
}

// firstLetter changes the first letter of a sentence.
func firstLetter(s string, to func(string) string) string {
	if s == "" {
		return s
	}
	return to(s[:1]) + s[1:]
}
