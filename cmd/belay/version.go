package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says which belay this is, as the Go toolchain wrote it into the binary.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Time     string `json:"time"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (p *program) versionCommand() *cobra.Command {
	withProviders := false
	c := &cobra.Command{
		Use: "version", Short: "Print which belay this is", Args: cobra.NoArgs,
		RunE: p.act(func(context.Context, []string) error {
			if withProviders && p.flags.json {
				return p.printBuilt()
			}
			b := thisBuild()
			if p.flags.json {
				return p.printJSON(b)
			}
			fmt.Fprintf(p.out, "belay %s %s %s\n", b.Version, b.Go, b.Platform)
			if b.Revision != "" {
				changed := ""
				if b.Modified {
					changed = ", with changes"
				}
				fmt.Fprintf(p.out, "built from %s of %s%s\n", b.Revision, b.Time, changed)
			}
			if withProviders {
				return p.printBuilt()
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&withProviders, "providers", false, "also list the DNS providers that are in this binary, and what a build tag adds")
	return c
}
