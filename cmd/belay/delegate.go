package main

import (
	"fmt"
	"strings"

	"belay/providers"
	"belay/rollout"
)

// delegateHelp tells what --delegate takes.
func delegateHelp() string {
	var ids []string
	for _, v := range providers.Vendors() {
		ids = append(ids, v.ID)
	}
	return "point the names at a vendor by CNAME, `V`: " + strings.Join(ids, ", ") +
		", or NAME=TARGET with NAME one of _mta-sts, _smtp._tls, mta-sts (repeatable); none ends it"
}

// setDelegate reads a vendor's id, or NAME=TARGET for one that tells its customers
// targets of their own. It replaces a place that mta-sts pointed at before.
func (s *settingFlags) setDelegate(to *rollout.Settings) error {
	d, err := rollout.ParseDelegation(s.delegate, vendorByID)
	if err != nil {
		return err
	}
	if d.Host != "" && !s.given.Changed("host-address") {
		to.HostAddresses = nil
	}
	if d.Host != "" && !s.given.Changed("host-cname") {
		to.HostCNAME = ""
	}
	to.Delegate = d
	return nil
}

func vendorByID(id string) (rollout.Delegation, bool) {
	v, ok := providers.LookupVendor(id)
	return delegationTo(v), ok
}

func delegationTo(v providers.Vendor) rollout.Delegation {
	return rollout.Delegation{Vendor: v.Label, Record: v.Record, Reports: v.Reports, Host: v.Host}
}

// follow brings along what a policy host implies of where the names lead, as far as
// flags do not say otherwise: the aliases of a vendor that writes the id itself, and
// no address where the host makes its own.
func (s *settingFlags) follow(was rollout.HostAccount, to *rollout.Settings) {
	vendor, known := providers.LookupVendor(to.Host.Kind)
	implied := known && to.Host.WritesID()
	switch {
	case s.given.Changed("delegate"):
	case implied:
		to.Delegate = delegationTo(vendor)
	case was.WritesID():
		to.Delegate = rollout.Delegation{}
	}
	if (implied || to.Host.NamesItself()) && !s.given.Changed("host-address") && !s.given.Changed("host-cname") {
		to.HostAddresses, to.HostCNAME = nil, ""
	}
}

// setTTL reads the TTL that records are written with; 0 goes back to keeping what
// is there.
func (s *settingFlags) setTTL(to *rollout.Settings) error {
	if s.ttl < 0 || s.ttl > rollout.MostTTL {
		return fmt.Errorf("%d lies not between %d and %d seconds", s.ttl, rollout.LeastTTL, rollout.MostTTL)
	}
	to.TTL = uint32(s.ttl)
	return nil
}

// orStays is a delegation's target, or that there is none.
func orStays(target string) string {
	if target == "" {
		return "stays here"
	}
	return target
}
