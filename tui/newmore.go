package tui

import (
	"fmt"
	"strconv"
	"strings"

	"belay/providers"
	"belay/rollout"
)

// What few rollouts need is asked only of who wants to be asked: names that a vendor
// answers for, and a TTL of the operator's own.

// labelCells is how wide the column of labels is, their colon and a space with them.
const labelCells = 23

func moreQuestions() (more, delegate, ttl *question) {
	more = &question{label: "More", choice: &choice{options: []option{{"", "nothing else"}, {"more", "vendor, TTL"}}}}
	delegate = &question{label: "Delegate to", field: newField("Delegate to", "empty: nobody; "+vendorIDs()+", or NAME=TARGET as your vendor told you", func(s string) error {
		_, err := rollout.ParseDelegation(strings.Fields(s), vendorByID)
		return err
	})}
	ttl = &question{label: "TTL of records", field: newField("TTL of records", fmt.Sprintf("seconds, %d to %d; empty: a TTL that stands is kept", rollout.LeastTTL, rollout.MostTTL), func(s string) error {
		_, err := ttlOf(s)
		return err
	})}
	return more, delegate, ttl
}

func vendorIDs() string {
	var ids []string
	for _, v := range providers.Vendors() {
		ids = append(ids, v.ID)
	}
	return strings.Join(ids, ", ")
}

func vendorByID(id string) (rollout.Delegation, bool) {
	v, ok := providers.LookupVendor(id)
	return rollout.Delegation{Vendor: v.Label, Record: v.Record, Reports: v.Reports, Host: v.Host}, ok
}

// ttlOf reads a TTL in seconds; 0 where none is given.
func ttlOf(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < rollout.LeastTTL || n > rollout.MostTTL {
		return 0, fmt.Errorf("a TTL lies between %d and %d seconds", rollout.LeastTTL, rollout.MostTTL)
	}
	return uint32(n), nil
}

// moreAsked reports whether the questions that few need are asked.
func (n *newRollout) moreAsked() bool { return n.more.choice.id() != "" }

// moreSettings puts the answers of those questions into s.
func (n *newRollout) moreSettings(s *rollout.Settings) {
	if !n.moreAsked() {
		return
	}
	s.TTL, _ = ttlOf(n.ttl.field.value()) // both checked by their fields
	d, _ := rollout.ParseDelegation(strings.Fields(n.delegate.field.value()), vendorByID)
	if d.On() {
		s.Delegate = d
	}
	if d.Host != "" {
		s.HostAddresses, s.HostCNAME = nil, ""
	}
}
