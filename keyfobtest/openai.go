package keyfobtest

import "net/http"

// chat answers OpenAI's chat completions.
func (p *Provider) chat(c *call, text string) {
	if c.op.stream {
		p.play(c, c.chatFrames(text))
		return
	}
	o := object{
		"id": id("chatcmpl", c.n), "object": "chat.completion", "created": created, "model": c.op.model,
		"choices": []object{{
			"index": 0, "message": object{"role": "assistant", "content": text, "refusal": nil},
			"logprobs": nil, "finish_reason": "stop",
		}},
	}
	if !c.b.OmitUsage {
		o["usage"] = chatUsage()
	}
	c.json(o)
}

func chatUsage() object {
	return object{"prompt_tokens": InputTokens, "completion_tokens": OutputTokens, "total_tokens": InputTokens + OutputTokens}
}

func (c *call) chatFrames(text string) []frame {
	chunk := func(delta object, finish any) object {
		return object{
			"id": id("chatcmpl", c.n), "object": "chat.completion.chunk", "created": created, "model": c.op.model,
			"choices": []object{{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}},
		}
	}
	frames := []frame{{"", chunk(object{"role": "assistant", "content": ""}, nil), AfterStart}}
	for _, s := range pieces(text) {
		frames = append(frames, frame{"", chunk(object{"content": s}, nil), MidStream})
	}
	frames = append(frames, frame{"", chunk(object{}, "stop"), None})
	if !c.b.OmitUsage && !c.op.noUsage {
		last := chunk(object{}, nil)
		last["choices"], last["usage"] = []object{}, chatUsage()
		frames = append(frames, frame{"", last, None})
	}
	return append(frames, frame{"", "[DONE]", None})
}

// responses answers OpenAI's responses. A previous response belongs to the key
// that made it.
func (p *Provider) responses(c *call, text string) {
	key := keyOf(c.r)
	if c.op.previous != "" && !p.owns(key, c.op.previous) {
		c.fail(http.StatusBadRequest, "previous_response_not_found", "")
		return
	}
	p.own(key, id("resp", c.n))
	if c.op.stream {
		p.play(c, c.responseFrames(text))
		return
	}
	c.json(c.response("completed", c.outputItem("completed", text)))
}

func (c *call) response(status string, output ...object) object {
	o := object{
		"id": id("resp", c.n), "object": "response", "created_at": created, "status": status, "model": c.op.model,
		"output": output, "error": nil, "incomplete_details": nil, "parallel_tool_calls": true, "store": true, "usage": nil,
	}
	if output == nil {
		o["output"] = []object{}
	}
	if status == "completed" && !c.b.OmitUsage {
		o["usage"] = object{
			"input_tokens": InputTokens, "input_tokens_details": object{"cached_tokens": 0},
			"output_tokens": OutputTokens, "output_tokens_details": object{"reasoning_tokens": 0},
			"total_tokens": InputTokens + OutputTokens,
		}
	}
	return o
}

func (c *call) outputItem(status, text string) object {
	content := []object{}
	if status == "completed" {
		content = append(content, outputText(text))
	}
	return object{"id": id("msg", c.n), "type": "message", "status": status, "role": "assistant", "content": content}
}

func outputText(s string) object {
	return object{"type": "output_text", "text": s, "annotations": []object{}, "logprobs": []object{}}
}

func (c *call) responseFrames(text string) []frame {
	var frames []frame
	add := func(name string, at Point, o object) {
		o["type"], o["sequence_number"] = name, len(frames)
		frames = append(frames, frame{name, o, at})
	}
	part := func(o object) object {
		o["item_id"], o["output_index"], o["content_index"] = id("msg", c.n), 0, 0
		return o
	}
	add("response.created", AfterStart, object{"response": c.response("in_progress")})
	add("response.in_progress", None, object{"response": c.response("in_progress")})
	add("response.output_item.added", None, object{"output_index": 0, "item": c.outputItem("in_progress", "")})
	add("response.content_part.added", None, part(object{"part": outputText("")}))
	for _, s := range pieces(text) {
		add("response.output_text.delta", MidStream, part(object{"delta": s, "logprobs": []object{}}))
	}
	add("response.output_text.done", None, part(object{"text": text, "logprobs": []object{}}))
	add("response.content_part.done", None, part(object{"part": outputText(text)}))
	done := c.outputItem("completed", text)
	add("response.output_item.done", None, object{"output_index": 0, "item": done})
	add("response.completed", None, object{"response": c.response("completed", done)})
	return frames
}

func (p *Provider) own(key, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state[id] = key
}

func (p *Provider) owns(key, id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state[id] == key && key != ""
}
