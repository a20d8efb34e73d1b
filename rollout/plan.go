package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// Kind says what an edit writes.
type Kind string

// The kinds of edit.
const (
	Record Kind = "record" // one RRset
	Policy Kind = "policy" // the policy body at its host
	// RUA is the report addresses that a vendor publishes, as URIs.
	RUA Kind = "rua"
)

// Edit is one whole change to one place: an RRset or the policy body. It says
// what was there when it was planned, so that nothing unseen is overwritten.
type Edit struct {
	// ID tells the edit from every other of its plan and is kept when the plan
	// is resumed.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Account is where the edit is made: a DNS account such as
	// "cloudflare" or "cloudflare/work", or a policy host such as
	// "webroot:/srv/www".
	Account string `json:"account"`
	// Zone is the apex the record lies under; empty for a policy.
	Zone string `json:"zone,omitempty"`
	// Name is the owner name without final dot, or the policy's URL.
	Name string `json:"name"`
	// Type is TXT, A, AAAA or CNAME; "policy" for a body, "rua" for a vendor's
	// report addresses.
	Type   string `json:"type"`
	Before Value  `json:"before"`
	After  Value  `json:"after"`
	// TTL is what the record is written with, in seconds: an existing TTL is
	// kept. Zero for a policy.
	TTL uint32 `json:"ttl,omitempty"`
	// BeforeTTL is how long resolvers may still answer Before, in seconds; for a
	// record that did not exist, the zone's negative TTL.
	BeforeTTL uint32 `json:"before_ttl,omitempty"`
	// Needs are the ids of edits that must be verified before this one begins.
	Needs []string `json:"needs,omitempty"`
	// PolicyID is, for a body, the id it will be announced under; for an
	// _mta-sts record, the id it announces.
	PolicyID string `json:"policy_id,omitempty"`
	// Foreign marks an edit that replaces or removes a value which belay neither
	// wrote nor adopted: it is made only by a plan that was shown.
	Foreign bool `json:"foreign,omitempty"`
	// Body is, for an id that announces a body which the plan does not write, that
	// body: it must answer before the id is published.
	Body string `json:"body,omitempty"`
	// At are addresses to dial when a body is verified, in place of where DNS
	// leads: those of a new policy host that no record names yet. For a vendor's
	// report addresses, the name at which it publishes them.
	At []string `json:"at,omitempty"`
	// Vendor is who writes the place in words of its own: the id of a body beside
	// the body (TellsItself), or further report addresses beside the wanted ones.
	Vendor string `json:"vendor,omitempty"`
	// Why says in one sentence what the edit is for.
	Why string `json:"why,omitempty"`
}

// TellsItself reports whether who serves the body of e writes the policy's id too:
// the edit is live when both show it.
func (e Edit) TellsItself() bool { return e.Kind == Policy && e.Vendor != "" }

// Announces reports whether e publishes a policy id.
func (e Edit) Announces() bool {
	return e.Kind == Record && e.PolicyID != "" && strings.HasPrefix(e.Name, "_mta-sts.")
}

// MovesHost reports whether e changes where the policy host's name points.
func (e Edit) MovesHost() bool {
	return e.Kind == Record && strings.HasPrefix(e.Name, "mta-sts.")
}

// ByHand reports whether the operator makes e, or publishes it: then what its provider shows is
// what the world answers.
func (e Edit) ByHand() bool {
	return e.Account == "manual" || strings.HasPrefix(e.Account, "manual/") || strings.HasPrefix(e.Account, "static:")
}

// String prints the edit on one line, as a diff would.
func (e Edit) String() string {
	switch {
	case !e.Before.Exists:
		return fmt.Sprintf("+ %s %s  %s", e.Name, e.Type, e.After)
	case !e.After.Exists:
		return fmt.Sprintf("- %s %s  %s", e.Name, e.Type, e.Before)
	}
	return fmt.Sprintf("~ %s %s  %s -> %s", e.Name, e.Type, e.Before, e.After)
}

// Purpose says what a plan is for.
type Purpose string

// The purposes of plans.
const (
	ForPhase      Purpose = "phase"      // the phase's own plan
	ForCorrection Purpose = "correction" // what an earlier phase lacks, mode unchanged
	ForStepBack   Purpose = "step-back"  // to testing, the emergency exit
	ForReannounce Purpose = "reannounce" // the second new id after a step back that did not wait
	ForRestore    Purpose = "restore"    // the last verified state
	ForUndo       Purpose = "undo"       // the way back, forward
)

// Plan is an ordered list of edits, as data: printed, hashed, saved.
type Plan struct {
	Domain  string    `json:"domain"`
	Phase   Phase     `json:"phase"`
	Purpose Purpose   `json:"purpose"`
	Made    time.Time `json:"made"`
	// Rung is the max_age this plan publishes, where it publishes a policy.
	Rung  uint32 `json:"rung,omitempty"`
	Edits []Edit `json:"edits"`
	// Notes are sentences for the operator: what the plan cannot order, what is
	// kept, what to expect.
	Notes []string `json:"notes,omitempty"`
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Edits) == 0 }

// Hash names the plan: twelve hexadecimal digits over everything that would be
// written and everything that must stand before it.
func (p Plan) Hash() string {
	p.Made, p.Notes = time.Time{}, nil
	b, err := json.Marshal(p)
	if err != nil {
		panic("rollout: a plan is always JSON: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// Edit returns the edit with this id.
func (p Plan) Edit(id string) (Edit, bool) {
	for _, e := range p.Edits {
		if e.ID == id {
			return e, true
		}
	}
	return Edit{}, false
}

// Foreign returns the edits that change a value which belay neither wrote nor
// adopted.
func (p Plan) Foreign() []Edit {
	var out []Edit
	for _, e := range p.Edits {
		if e.Foreign {
			out = append(out, e)
		}
	}
	return out
}

// Policy returns the policy that the plan would put live: of the body that it
// writes, or else of the one standing already that it announces.
func (p Plan) Policy() (mtasts.Policy, bool) {
	body := ""
	for _, e := range p.Edits {
		switch {
		case e.Kind == Policy && e.After.Exists:
			body = e.After.Body
		case body == "":
			body = e.Body
		}
	}
	if body == "" {
		return mtasts.Policy{}, false
	}
	policy, fs := mtasts.ParsePolicy([]byte(body))
	return policy, mtasts.Usable(fs)
}

// Validate refuses a plan that no engine may carry out: an edit outside what can
// be written, one that changes nothing, a need that is not earlier in the plan.
func (p Plan) Validate() error {
	seen := map[string]bool{}
	for _, e := range p.Edits {
		if e.ID == "" || seen[e.ID] {
			return fmt.Errorf("plan %s: edit id %q is empty or used twice", p.Hash(), e.ID)
		}
		if err := Writable(p.Domain, e); err != nil {
			return fmt.Errorf("plan %s: %w", p.Hash(), err)
		}
		if e.Before.Equal(e.After) {
			return fmt.Errorf("plan %s: edit %s of %s changes nothing", p.Hash(), e.ID, e.Name)
		}
		for _, need := range e.Needs {
			if !seen[need] {
				return fmt.Errorf("plan %s: edit %s needs %s, which does not come before it", p.Hash(), e.ID, need)
			}
		}
		seen[e.ID] = true
	}
	return nil
}

// Writable refuses an edit of anything but the few places belay may write for
// domain: _mta-sts TXT/CNAME, _smtp._tls TXT/CNAME, mta-sts A/AAAA/CNAME, the
// policy body, and the report addresses at a vendor. The apex, MX, NS and SOA can never be written.
func Writable(domain string, e Edit) error {
	if e.Kind == Policy {
		if e.Name != mtasts.PolicyURL(domain) {
			return fmt.Errorf("policy %s is not that of %s", e.Name, domain)
		}
		return nil
	}
	if e.Kind == RUA {
		if e.Name != tlsrpt.RecordName(domain) || e.Type != TypeRUA {
			return fmt.Errorf("%s %s are not the report addresses of %s", e.Name, e.Type, domain)
		}
		return nil
	}
	if e.Kind != Record {
		return fmt.Errorf("edit %s has no known kind %q", e.ID, e.Kind)
	}
	allowed := map[string][]string{
		mtasts.RecordName(domain): {"TXT", "CNAME"},
		tlsrpt.RecordName(domain): {"TXT", "CNAME"},
		mtasts.PolicyHost(domain): {"A", "AAAA", "CNAME"},
	}
	for _, t := range allowed[e.Name] {
		if e.Type == t {
			return nil
		}
	}
	return fmt.Errorf("%s %s is not among the records belay may write for %s", e.Name, e.Type, domain)
}

// Outcome is what became of an edit.
type Outcome string

// The outcomes, as they stand in JSON.
const (
	Applied Outcome = "applied" // written by us and read back
	Found   Outcome = "found"   // already as wanted when we looked
	Waiting Outcome = "waiting" // the operator makes it, or it is not seen everywhere yet
	Failed  Outcome = "failed"  // the provider said no; nothing was changed
	Refused Outcome = "refused" // the world is no longer what the plan saw
	Unknown Outcome = "unknown" // whether it was carried out is not known; it may come yet
)

// Receipt is what became of one edit at its provider.
type Receipt struct {
	EditID  string  `json:"edit_id"`
	Outcome Outcome `json:"outcome"`
	// Saw is what a re-read showed.
	Saw Value `json:"saw"`
	// Detail is the provider's own word, cleaned, without secrets; for a manual
	// edit, what the operator is to do.
	Detail string        `json:"detail,omitempty"`
	Took   time.Duration `json:"took_ns,omitempty"`
	// Again is, of what the provider took and asks time to serve (LaterError), when
	// it is asked again; zero where it asks for none.
	Again time.Time `json:"again,omitzero"`
}
