package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"belay/rollout"
)

// savedPlan is a plan in a file: all of it, what was seen when it was made, and a
// digest of both. No credential comes near it.
type savedPlan struct {
	planShape
	LookedAt time.Time   `json:"looked_at"`
	Seen     []seenPlace `json:"seen"`
	// Digest is the SHA-256 of everything else in the file, in hexadecimal.
	Digest string `json:"digest"`
}

// seenPlace is one place of the plan as the look found it.
type seenPlace struct {
	Name string        `json:"name"`
	Type string        `json:"type"`
	Held rollout.Value `json:"held"` // by its provider
	TTL  uint32        `json:"ttl,omitempty"`
	// Servers is what each address of each name server answered; none for a body.
	Servers []seenServer `json:"servers,omitempty"`
}

type seenServer struct {
	Server string        `json:"server"`
	IP     netip.Addr    `json:"ip"`
	Value  rollout.Value `json:"value"`
	TTL    uint32        `json:"ttl,omitempty"`
	Err    string        `json:"err,omitempty"`
}

// seenOf are the places of the plan in the evidence that it was made from.
func seenOf(plan rollout.Plan, seen rollout.Evidence) []seenPlace {
	out := []seenPlace{}
	for _, e := range plan.Edits {
		place := seenPlace{Name: e.Name, Type: e.Type, Held: e.Before}
		if held, ok := seen.HeldAt(e.Name, e.Type); ok {
			place.Held, place.TTL = held.Value, held.TTL
		}
		asked, _ := seen.Name(e.Name, e.Type)
		for _, s := range asked.Sightings {
			place.Servers = append(place.Servers, seenServer{s.Where, s.IP, s.Value, s.TTL, clean(s.Err)})
		}
		out = append(out, place)
	}
	return out
}

// savePlan writes a plan so that the file is whole or not there: nobody shall
// carry out half a plan. Only its owner can read it.
func savePlan(shape planShape, seen rollout.Evidence, file string) (err error) {
	saved := savedPlan{planShape: shape, LookedAt: seen.At.UTC(), Seen: seenOf(shape.Plan, seen)}
	text, err := json.Marshal(saved)
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	if saved.Digest, err = digestOf(text); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	if text, err = json.MarshalIndent(saved, "", "  "); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(file), ".belay-plan-*") // mode 0600
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("save the plan in %s: %w", file, errors.Join(err, os.Remove(draft.Name())))
		}
	}()
	_, err = draft.Write(append(text, '\n'))
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), file)
}

// digestOf is the digest of a saved plan: of its fields but the digest itself,
// whatever white space stands between them.
func digestOf(text []byte) (string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return "", err
	}
	delete(fields, "digest")
	bare, err := json.Marshal(fields) // fields in order of their names
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(bare)
	return hex.EncodeToString(sum[:]), nil
}

// readPlan reads what savePlan wrote, for domain, and refuses what was changed
// since: hash and digest cover everything.
func (p *program) readPlan(file, domain string) (rollout.Plan, error) {
	text, err := p.readText(file)
	if err != nil {
		return rollout.Plan{}, fmt.Errorf("read the plan: %w", err)
	}
	saved, err := parsePlan(text)
	if err != nil {
		return rollout.Plan{}, fmt.Errorf("read the plan %s: it is no plan that belay saved: %w", file, err)
	}
	digest, err := digestOf(text)
	if err != nil {
		return rollout.Plan{}, fmt.Errorf("read the plan %s: it is no plan that belay saved: %w", file, err)
	}
	plan := saved.Plan
	switch {
	case saved.Domain != domain:
		return rollout.Plan{}, fmt.Errorf("the plan %s is for %q, not for %s: %w", file, clean(saved.Domain), domain, rollout.ErrRefused)
	case plan.Empty():
		return rollout.Plan{}, fmt.Errorf("the plan %s has no edits: %w", file, rollout.ErrRefused)
	case saved.Hash != plan.Hash():
		return rollout.Plan{}, fmt.Errorf("the plan %s says that its hash is %q and has %s: it was changed since it was saved; make it anew: %w",
			file, clean(saved.Hash), plan.Hash(), rollout.ErrRefused)
	case saved.Digest != digest:
		return rollout.Plan{}, fmt.Errorf("the plan %s does not have the digest that it names: it was changed since it was saved; make it anew: %w", file, rollout.ErrRefused)
	}
	if err := plan.Validate(); err != nil {
		return rollout.Plan{}, fmt.Errorf("the plan %s: %w: %w", file, err, rollout.ErrRefused)
	}
	return plan, nil
}

// parsePlan reads one JSON object and nothing behind it.
func parsePlan(text []byte) (savedPlan, error) {
	var saved savedPlan
	reader := json.NewDecoder(bytes.NewReader(text))
	if err := reader.Decode(&saved); err != nil {
		return saved, err
	}
	if reader.More() {
		return saved, errors.New("something stands behind the plan")
	}
	return saved, nil
}
