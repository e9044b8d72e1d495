package keyfobtest

import "net/http"

// What every good answer says that it used.
const (
	InputTokens  = 12
	OutputTokens = 7
)

const created = 1767225600 // 2026-01-01; the same in every run

func (p *Provider) succeed(c *call) {
	text := c.b.Text
	if text == "" {
		text = p.text(c.account, c.op.model)
	}
	switch c.op.kind {
	case messages:
		p.messages(c, text)
	case countTokens:
		c.json(object{"input_tokens": InputTokens})
	case chat:
		p.chat(c, text)
	case responses:
		p.responses(c, text)
	case response:
		p.stored(c)
	case generate:
		p.generate(c, text)
	case modelList:
		p.list(c)
	case keyInfo:
		c.json(object{"data": object{"label": c.account, "usage": 0, "limit": nil}})
	}
}

func (p *Provider) list(c *call) {
	list := []object{}
	for _, m := range p.models {
		switch c.op.dialect {
		case anthropicDialect:
			list = append(list, object{"type": "model", "id": m, "display_name": m, "created_at": "2026-01-01T00:00:00Z"})
		case googleDialect:
			list = append(list, object{"name": "models/" + m, "displayName": m, "supportedGenerationMethods": []string{"generateContent"}})
		default:
			list = append(list, object{"id": m, "object": "model", "created": created, "owned_by": "test"})
		}
	}
	switch c.op.dialect {
	case anthropicDialect:
		c.json(object{"data": list, "has_more": false, "first_id": nil, "last_id": nil})
	case googleDialect:
		c.json(object{"models": list})
	default:
		c.json(object{"object": "list", "data": list})
	}
}

// messages answers the Anthropic Messages API.
func (p *Provider) messages(c *call, text string) {
	msg := object{
		"id": id("msg", c.n), "type": "message", "role": "assistant", "model": c.op.model,
		"content": []object{{"type": "text", "text": text}}, "stop_reason": "end_turn", "stop_sequence": nil,
	}
	if !c.b.OmitUsage {
		msg["usage"] = object{"input_tokens": InputTokens, "output_tokens": OutputTokens}
	}
	if !c.op.stream {
		c.json(msg)
		return
	}
	p.play(c, c.messageFrames(msg, text))
}

func (c *call) messageFrames(msg object, text string) []frame {
	msg["content"], msg["stop_reason"] = []object{}, nil
	end := object{"type": "message_delta", "delta": object{"stop_reason": "end_turn", "stop_sequence": nil}}
	if !c.b.OmitUsage {
		msg["usage"] = object{"input_tokens": InputTokens, "output_tokens": 1}
		end["usage"] = object{"output_tokens": OutputTokens}
	}
	frames := []frame{
		{"message_start", object{"type": "message_start", "message": msg}, AfterStart},
		{"content_block_start", object{"type": "content_block_start", "index": 0, "content_block": object{"type": "text", "text": ""}}, None},
		{"ping", object{"type": "ping"}, None},
	}
	for _, s := range pieces(text) {
		frames = append(frames, frame{"content_block_delta", object{"type": "content_block_delta", "index": 0, "delta": object{"type": "text_delta", "text": s}}, MidStream})
	}
	return append(frames,
		frame{"content_block_stop", object{"type": "content_block_stop", "index": 0}, None},
		frame{"message_delta", end, None},
		frame{"message_stop", object{"type": "message_stop"}, None},
	)
}

// generate answers the Gemini API.
func (p *Provider) generate(c *call, text string) {
	part := func(s, finish string) object {
		cand := object{"index": 0, "content": object{"role": "model", "parts": []object{{"text": s}}}}
		if finish != "" {
			cand["finishReason"] = finish
		}
		o := object{"candidates": []object{cand}, "modelVersion": c.op.model, "responseId": id("resp", c.n)}
		if !c.b.OmitUsage {
			o["usageMetadata"] = object{"promptTokenCount": InputTokens, "candidatesTokenCount": OutputTokens, "totalTokenCount": InputTokens + OutputTokens}
		}
		return o
	}
	if !c.op.stream {
		c.json(part(text, "STOP"))
		return
	}
	all, frames := []object{}, []frame{}
	for _, s := range pieces(text) {
		all = append(all, part(s, ""))
		frames = append(frames, frame{"", part(s, ""), MidStream})
	}
	if c.op.array {
		c.json(append(all, part("", "STOP")))
		return
	}
	p.play(c, append(frames, frame{"", part("", "STOP"), None}))
}

// stored answers a response by its id, to the key that made it alone.
func (p *Provider) stored(c *call) {
	if !p.owns(keyOf(c.r), c.op.id) {
		c.fail(http.StatusNotFound, "", "")
		return
	}
	c.json(object{"id": c.op.id, "object": "response", "created_at": created, "status": "completed", "output": []object{}})
}
