package rollout

import (
	"fmt"

	"belay/rollout/finding"
)

// Where belay serves the policy itself (HostServe) there is no web server to mend: what
// a look finds wrong with the policy host is mended by belay serve, and its commands
// stand in the findings then. The looker cannot word that, for it does not know who
// serves.

// inOurWords is f with the mend that fits who serves r's policy.
func (r Rollout) inOurWords(f finding.Finding) finding.Finding {
	if r.Settings.Host.Kind != HostServe || f.Unknown {
		return f
	}
	switch f.Code {
	case "H02":
		return f.Mend("Have belay serve listen at this address too (--listen), or remove its record.")
	case "H03":
		return f.Mend(fmt.Sprintf("belay serve gets the certificate by itself: belay status %s says what stands in its way. Where another server has the port, end that one.", r.Domain))
	case "H17":
		return f.Mend("Start belay's own server there by belay serve (belay export --systemd prints a unit that keeps it running); where it runs, open port 443 in the firewall.")
	}
	return f
}

// inOurWordsAll is inOurWords of each.
func (r Rollout) inOurWordsAll(fs []finding.Finding) []finding.Finding {
	for i, f := range fs {
		fs[i] = r.inOurWords(f)
	}
	return fs
}

// wording is a sink that hears findings as they are kept.
func (r Rollout) wording(emit Sink) Sink {
	if emit == nil || r.Settings.Host.Kind != HostServe {
		return emit
	}
	return func(ev Event) {
		if ev.Finding != nil {
			f := r.inOurWords(*ev.Finding)
			ev.Finding = &f
		}
		emit(ev)
	}
}
