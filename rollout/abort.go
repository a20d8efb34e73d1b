package rollout

import "context"

type abortKey struct{}

// WithAbort returns ctx for a walk that may be asked to stop twice: when ctx
// ends, the edit in flight is finished; when hard ends, the provider's call is
// cut off as well.
func WithAbort(ctx, hard context.Context) context.Context {
	return context.WithValue(ctx, abortKey{}, hard)
}

// abortOf is the context that a provider's call runs on: it does not end with
// ctx.
func abortOf(ctx context.Context) context.Context {
	if hard, ok := ctx.Value(abortKey{}).(context.Context); ok {
		return hard
	}
	return context.WithoutCancel(ctx)
}
