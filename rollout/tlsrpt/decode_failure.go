package tlsrpt

import (
	"net/netip"
	"strings"

	"belay/rollout/finding"
)

// failures reads the list of failures.
func (d *decoder) failures(p *Policy) {
	switch d.peek() {
	case '[':
		d.fold.begin()
		d.array(func() {
			switch {
			case d.peek() != '{':
				d.wrong("an element of failure-details", "an object")
			case d.folds:
				had := len(p.Failures)
				if p.Failures = d.fold.add(p.Failures, d.failure()); len(p.Failures) > had {
					d.item()
				}
			case d.item():
				p.Failures = append(p.Failures, d.failure())
			}
		})
	case 'n':
		d.warnAt(d.place(), "failure-details is null")
		d.skip()
	default:
		d.wrong("failure-details", "an array")
	}
}

func (d *decoder) failure() Failure {
	at := d.place()
	var f Failure
	var has struct{ kind, count bool }
	d.object(func(name string) {
		switch name {
		case "result-type":
			has.kind = true
			d.resultType(&f)
		case "sending-mta-ip":
			f.SendingIP = d.ip(name)
		case "receiving-mx-hostname":
			f.ReceivingMX = strings.TrimSuffix(strings.ToLower(d.text(name, optional)), ".")
		case "receiving-mx-helo":
			f.ReceivingHELO = d.text(name, optional)
		case "receiving-ip":
			f.ReceivingIP = d.ip(name)
		case "failed-session-count":
			has.count = true
			f.Sessions = d.count(name)
		case "additional-information", "additional-info-uri":
			if text := d.text(name, optional); text != "" {
				f.AdditionalInfo = text
			}
		case "failure-reason-code":
			f.ReasonCode = d.text(name, optional)
		default:
			d.unknown(name, "result-type", "sending-mta-ip", "receiving-mx-hostname", "receiving-mx-helo",
				"receiving-ip", "failed-session-count", "additional-information", "failure-reason-code")
		}
	})
	if d.fault == nil && !has.kind {
		d.rejectAt(at, "an element of failure-details has no result-type")
	}
	if d.fault == nil && !has.count {
		d.rejectAt(at, "an element of failure-details has no failed-session-count")
	}
	return f
}

func (d *decoder) resultType(f *Failure) {
	at := d.place()
	if d.peek() != '"' {
		d.wrong("result-type", "a string")
		return
	}
	f.Type = ResultType(d.keep(d.str()))
	if d.fault == nil && !f.Type.Known() {
		d.warnAt(at, "result-type is not registered: "+finding.Quote(string(f.Type), 60))
	}
}

// ip reads an address. One that is none is dropped: the counts stand without it.
func (d *decoder) ip(name string) netip.Addr {
	at := d.place()
	text := d.text(name, needed)
	if text == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		d.warnAt(at, name+" is no IP address: "+finding.Quote(text, 60))
		return netip.Addr{}
	}
	return addr.Unmap()
}
