package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/encoding/protowire"
)

// The field numbers below are those of opentelemetry/proto: trace/v1,
// resource/v1 and common/v1.

// encode gives an ExportTraceServiceRequest. All spans are of one resource and
// scope, those of the one Tracing.
func encode(spans []sdk.ReadOnlySpan) []byte {
	var scoped []byte // ScopeSpans
	scope := text(nil, 1, spans[0].InstrumentationScope().Name)
	scoped = message(scoped, 1, text(scope, 2, spans[0].InstrumentationScope().Version))
	for _, s := range spans {
		scoped = message(scoped, 2, encodeSpan(s))
	}
	resource := attributes(nil, 1, spans[0].Resource().Attributes())
	whole := message(nil, 1, resource) // ResourceSpans
	return message(nil, 1, message(whole, 2, scoped))
}

func encodeSpan(s sdk.ReadOnlySpan) []byte {
	id, trace := s.SpanContext().SpanID(), s.SpanContext().TraceID()
	b := message(nil, 1, trace[:])
	b = message(b, 2, id[:])
	if s.Parent().HasSpanID() {
		parent := s.Parent().SpanID()
		b = message(b, 4, parent[:])
	}
	b = text(b, 5, s.Name())
	b = number(b, 6, uint64(s.SpanKind())) // the numbers are the same
	b = fixed(b, 7, uint64(s.StartTime().UnixNano()))
	b = fixed(b, 8, uint64(s.EndTime().UnixNano()))
	b = attributes(b, 9, s.Attributes())
	b = number(b, 10, uint64(s.DroppedAttributes()))
	for _, l := range s.Links() {
		to, in := l.SpanContext.SpanID(), l.SpanContext.TraceID()
		b = message(b, 13, message(message(nil, 1, in[:]), 2, to[:]))
	}
	if s.Status().Code == codes.Error {
		b = message(b, 15, number(nil, 3, 2))
	}
	return b
}

func attributes(b []byte, field protowire.Number, list []attribute.KeyValue) []byte {
	for _, kv := range list {
		b = message(b, field, message(text(nil, 1, string(kv.Key)), 2, value(kv.Value)))
	}
	return b
}

// value is an AnyValue; what is no text or number becomes text.
func value(v attribute.Value) []byte {
	switch v.Type() {
	case attribute.INT64:
		return protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), uint64(v.AsInt64()))
	case attribute.STRING:
		return message(nil, 1, []byte(v.AsString()))
	}
	return message(nil, 1, []byte(v.String()))
}

func message(b []byte, field protowire.Number, inner []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), inner)
}

func text(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return message(b, field, []byte(s))
}

func number(b []byte, field protowire.Number, n uint64) []byte {
	if n == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

func fixed(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), n)
}
