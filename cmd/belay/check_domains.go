package main

import (
	"fmt"
	"strings"
)

// domainsToCheck are the domains of the command line and of file, each once.
func (p *program) domainsToCheck(args []string, file string) ([]string, error) {
	var domains []string
	named := map[string]bool{}
	add := func(typed string) error {
		domain, err := domainOf(typed)
		if err == nil && !named[domain] {
			named[domain] = true
			domains = append(domains, domain)
		}
		return err
	}
	for _, typed := range args {
		if err := add(typed); err != nil {
			return nil, err
		}
	}
	if file != "" {
		text, err := p.readText(file)
		if err != nil {
			return nil, err
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			if err := add(line); err != nil {
				return nil, usageError{fmt.Errorf("%s line %d: %w", file, number, err)}
			}
		}
	}
	if len(domains) == 0 {
		return nil, usagef("check needs a domain, or --file with some")
	}
	return domains, nil
}
