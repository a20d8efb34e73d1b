package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"belay/providers/dns"
	"belay/providers/host"
	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// exportTTL is the TTL that records are shown with, in seconds.
const exportTTL = 300

// exportShape is `export --json`.
type exportShape struct {
	Domain   string         `json:"domain"`
	URL      string         `json:"url"`
	Policy   string         `json:"policy"`
	Records  []string       `json:"records"`
	Snippets []host.Snippet `json:"snippets"`
}

func (p *program) exportCommand() *cobra.Command {
	man, policy, systemd := false, false, ""
	c := &cobra.Command{
		Use: "export DOMAIN", Short: "Print the policy, the records and server configuration",
		Long: "Prints the policy file, the records as a zone-file snippet, and configuration\nsnippets of web servers. Where no policy is live yet, the one for testing is shown,\nand no _mta-sts record: an id is made when its body is there. --policy prints the\npolicy file alone, to the byte.\n\n--systemd and --man stand alone, without a domain: they print the units of belay\nserve, or the one that is named behind (--systemd UNIT), and this program's manual\npage.",
		Args: func(cmd *cobra.Command, args []string) error {
			var err error
			systemd, err = exportArgs(cmd.Flags(), systemd, args)
			return err
		},
	}
	c.Flags().StringVar(&systemd, "systemd", "", "print `UNIT` of belay serve, or without a name all of them: a service and two sockets; --systemd UNIT does as well")
	c.Flags().Lookup("systemd").NoOptDefVal = allUnits
	c.Flags().BoolVar(&policy, "policy", false, "print the policy alone, to the byte, as a file is to hold it")
	c.Flags().BoolVar(&man, "man", false, "print the manual page belay(1)")
	c.RunE = p.act(func(ctx context.Context, args []string) error {
		switch {
		case man:
			_, err := fmt.Fprint(p.out, manPage(c.Root(), thisBuild()))
			return err
		case c.Flags().Changed("systemd"):
			return p.printUnits(systemd)
		}
		domain, err := domainOf(args[0])
		if err != nil {
			return err
		}
		return p.with(ctx, func(s *session) error {
			r, err := s.engine.Load(ctx, domain)
			if err != nil {
				return err
			}
			if policy {
				return p.exportPolicy(exportOf(r))
			}
			return p.export(exportOf(r))
		})
	})
	return c
}

// exportArgs checks what export is given beside its flags: a domain, or behind
// --systemd the name of a unit, which it returns. A flag whose value may be left out
// takes one by = alone, and nobody expects that.
func exportArgs(flags *pflag.FlagSet, systemd string, args []string) (unit string, err error) {
	alone := ""
	for _, name := range []string{"systemd", "man", "policy"} {
		switch {
		case !flags.Changed(name):
		case alone != "":
			return "", usagef("--%s and --%s print different things: give one of them", alone, name)
		default:
			alone = name
		}
	}
	switch {
	case alone == "" || alone == "policy":
		if len(args) != 1 {
			return "", usagef("belay export needs DOMAIN, or --systemd or --man")
		}
	case alone == "systemd" && systemd == allUnits && len(args) == 1:
		return args[0], nil
	case alone == "systemd" && len(args) > 0:
		return "", usagef("--systemd prints one unit that is named, or all; %q is too much", args[len(args)-1])
	case len(args) > 0:
		return "", usagef("--%s prints the manual page and takes nothing behind it, such as %q", alone, args[0])
	}
	return systemd, nil
}

func exportOf(r rollout.Rollout) exportShape {
	out := exportShape{
		Domain: r.Domain, URL: mtasts.PolicyURL(r.Domain), Records: []string{},
		Snippets: host.Snippets(r.Domain, r.Settings.Host),
	}
	add := func(name, typ string, values ...string) {
		if len(values) > 0 {
			out.Records = append(out.Records, dns.ZoneLines(name, typ, exportTTL, rollout.Records(values...))...)
		}
	}
	to := r.Settings.Delegate.For(r.Domain)
	for name, target := range map[string]string{mtasts.RecordName(r.Domain): to.Record, tlsrpt.RecordName(r.Domain): to.Reports, mtasts.PolicyHost(r.Domain): to.Host} {
		if target != "" {
			add(name, "CNAME", target)
		}
	}
	slices.Sort(out.Records)
	if live, id, ok := r.Live(); ok {
		out.Policy = live.Body
		if to.Record == "" {
			add(mtasts.RecordName(r.Domain), "TXT", mtasts.Record{ID: id}.String())
		}
	} else if r.Evidence != nil {
		out.Policy = r.Testing(*r.Evidence).String()
	}
	var v4, v6 []string
	for _, a := range r.Settings.HostAddresses {
		if a.Is4() {
			v4 = append(v4, a.String())
		} else {
			v6 = append(v6, a.String())
		}
	}
	add(mtasts.PolicyHost(r.Domain), "A", v4...)
	add(mtasts.PolicyHost(r.Domain), "AAAA", v6...)
	if r.Settings.HostCNAME != "" {
		add(mtasts.PolicyHost(r.Domain), "CNAME", r.Settings.HostCNAME)
	}
	existing := ""
	if r.Evidence != nil && r.Evidence.TLSRPT.Valid {
		existing = r.Evidence.TLSRPT.Raw
	}
	if txt, err := tlsrpt.AddRUA(existing, r.Settings.RUA...); err == nil && to.Reports == "" {
		add(tlsrpt.RecordName(r.Domain), "TXT", txt)
	}
	return out
}

// exportPolicy prints the policy alone. It is given to a file, so nothing is made of
// what is none.
func (p *program) exportPolicy(x exportShape) error {
	if x.Policy == "" {
		return fmt.Errorf("export %s: nobody has looked at the domain yet, so there is no policy to print; belay plan %s looks: %w", x.Domain, x.Domain, rollout.ErrRefused)
	}
	if p.flags.json {
		return p.printJSON(struct {
			Domain string `json:"domain"`
			URL    string `json:"url"`
			Policy string `json:"policy"`
		}{x.Domain, x.URL, x.Policy})
	}
	_, err := fmt.Fprint(p.out, x.Policy)
	return err
}

func (p *program) export(x exportShape) error {
	if p.flags.json {
		return p.printJSON(x)
	}
	p.say("# %s", x.URL)
	p.block(strings.ReplaceAll(x.Policy, "\r\n", "\n"), "")
	p.say("\n# records")
	for _, line := range x.Records {
		p.say("%s", clean(line))
	}
	for _, s := range x.Snippets {
		p.say("\n# %s", s.Server)
		fmt.Fprint(p.out, s.Text)
	}
	return nil
}
