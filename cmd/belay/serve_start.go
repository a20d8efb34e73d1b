package main

import (
	"context"
	"strings"

	"belay/rollout"
)

// sayServer says, after the settings of a rollout were given, that its policy host is a
// server of belay's that somebody is to start, where none runs on this store. That it
// cannot be found out is no reason to say nothing: it would run on this store too.
func (p *program) sayServer(ctx context.Context, s *session, settings rollout.Settings) {
	if settings.Host.Kind != rollout.HostServe || s.accounts.served == nil {
		return
	}
	if running, err := s.accounts.served.Servers(ctx); err == nil && len(running) > 0 {
		return
	}
	p.paragraph("No server runs on this store here, and nobody is served a policy before one does. Start it before phase 3, on the machine that mta-sts points to:", "", "")
	p.say("  %s", p.commandHere("serve"))
	p.paragraph("or as a service, which starts again by itself; this prints its systemd units:", "", "")
	p.say("  %s", p.commandHere("export --systemd"))
}

// commandHere is a command of belay's that works on the store of this run.
func (p *program) commandHere(command string) string {
	words := []string{"belay"}
	if p.flags.state != "" {
		words = append(words, "--state", shellWord(p.flags.state))
	}
	return clean(strings.Join(append(words, command), " "))
}

// shellWord is text as one word of a POSIX shell.
func shellWord(text string) string {
	if text != "" && !strings.ContainsAny(text, " \t\n'\"\\$`!&|;<>()*?[]{}~#") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
