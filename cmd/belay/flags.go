package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"belay/rollout/mtasts"
	"belay/rollout/world"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
)

func (p *program) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&p.flags.state, "state", "", "keep the store in `DIR` (default: belay in the XDG state directory)")
	f.BoolVar(&p.flags.json, "json", false, "one JSON object a line on standard output")
	f.BoolVar(&p.flags.yes, "yes", false, "accept what would be done without being asked")
	f.StringArrayVar(&p.flags.resolvers, "resolver", nil, "recursive resolver `ADDR` or ADDR:PORT to ask (repeatable)")
	f.StringVar(&p.flags.ca, "ca", "", "PEM `FILE` of roots to trust beside the system's")
	f.StringArrayVar(&p.flags.controls, "control", nil, "`HOST` known to answer on port 25, or none (repeatable)")
	f.StringVar(&p.flags.log, "log", "", "append what happens to `FILE`, one JSON object a line")
}

// takeFlags turns the global flags into the world that is looked at and the log.
func (p *program) takeFlags() error {
	var resolvers []netip.AddrPort
	for _, given := range p.flags.resolvers {
		addr, err := world.ParseResolver(given)
		if err != nil {
			return usagef("--resolver: %w", err)
		}
		resolvers = append(resolvers, addr)
	}
	if len(resolvers) > 0 {
		p.world.Network.Resolvers = resolvers
	}
	if p.flags.ca != "" {
		roots, err := world.TrustAlso(p.flags.ca)
		if err != nil {
			return usagef("--ca: %w", err)
		}
		p.world.Network.Roots = roots
	}
	if err := p.takeControls(); err != nil {
		return err
	}
	return p.openLog()
}

func (p *program) takeControls() error {
	given := p.flags.controls
	switch {
	case len(given) == 0:
		return nil
	case slices.Contains(given, "none") && len(given) > 1:
		return usagef("--control: none and hosts exclude each other")
	case given[0] == "none":
		p.world.Network.Controls = nil
		return nil
	}
	for _, host := range given {
		if _, _, err := mtasts.Domain(host); err != nil {
			return usagef("--control: %w", err)
		}
	}
	p.world.Network.Controls = given
	return nil
}

// openLog starts the log. The file stays open until the process ends: whatever
// happens last is to be in it.
func (p *program) openLog() error {
	if p.flags.log == "" {
		return nil
	}
	f, err := os.OpenFile(p.flags.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return usagef("--log: %w", err)
	}
	p.log = slog.New(slog.NewJSONHandler(f, &slog.HandlerOptions{ReplaceAttr: inUTC}))
	return nil
}

func inUTC(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindTime {
		return slog.Time(a.Key, a.Value.Time().UTC())
	}
	return a
}

// stateDir is where the store is kept.
func (p *program) stateDir() (string, error) {
	if p.flags.state != "" {
		return p.flags.state, nil
	}
	if dir, ok := p.env("XDG_STATE_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "belay"), nil
	}
	if xdg.StateHome == "" {
		return "", fmt.Errorf("find the state directory: there is no home directory; name one by --state")
	}
	return filepath.Join(xdg.StateHome, "belay"), nil
}
