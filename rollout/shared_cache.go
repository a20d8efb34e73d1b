package rollout

import (
	"context"
	"slices"
	"time"
)

// A shared cache before the policy host may keep the body that another one takes the
// place of, though every address shows the new one: an answer out of it bears its
// mark, one that it had to fetch does not. So the mark counts in whichever look it is
// met, that before the plan too.

// cacheFor is how long, by a look, a shared cache before the policy host keeps an
// answer; zero where none left its mark.
func cacheFor(seen Evidence) (keeps time.Duration) {
	for _, a := range seen.Policy.Addresses {
		keeps = max(keeps, a.CacheFor)
	}
	return keeps
}

// cachedSince is the journal entry by which ids wait for shared caches that may have
// taken the body before edit's until since; none where no such body was served, or no
// cache stands there, or they wait as long already, or the operator purged it after the
// body was written. When he puts a body up himself is not known, so what he purged
// before it was seen may have taken the old one again.
func (k *walk) cachedSince(edit Edit, since time.Time) []Entry {
	wait := since.Add(k.keeps)
	if state := k.state(edit); state.Receipt.took() && k.purgedSince(later(state.Received, state.Receipt.Again)) {
		return nil
	}
	if edit.Kind != Policy || k.keeps == 0 || !k.replaces(edit) || !wait.After(k.r.CachedUntil) {
		return nil
	}
	return []Entry{{Kind: Cached, Wait: wait}}
}

// replaces reports whether senders were served another body than edit's, at its place
// or where they were led before.
func (k *walk) replaces(edit Edit) bool {
	live, _, ok := k.r.Live()
	return edit.Before.Exists || ok && !Body(live.Body).SamePolicy(edit.After)
}

// rememberCache journals the mark of a shared cache while a body that belay wrote is
// waited for: the walk that sees the body at last may not meet it.
func (k *walk) rememberCache(ctx context.Context, edit Edit) error {
	state := k.state(edit)
	if !state.Receipt.took() {
		return nil
	}
	entries := k.cachedSince(edit, state.Received)
	if len(entries) == 0 {
		return nil
	}
	return k.engine.append(ctx, k.r, entries...)
}

// purgedSince reports whether the operator wrote that a mend, as of a cache, was
// made after t.
func (k *walk) purgedSince(t time.Time) bool {
	return slices.ContainsFunc(k.r.Mends, func(m Mend) bool { return !m.Mended.Before(t) })
}
