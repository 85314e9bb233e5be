"""The official Python SDK reads a stream in which values were redacted, and the same whole.

Environment: GATEWAY_URL, TOKEN, MODEL. Prints one JSON line: the final message of the streaming
helper, and the events that it saw; any exception is a failure.
"""

import json
import os

import anthropic

ASKED = {
    "model": os.environ["MODEL"],
    "max_tokens": 2048,
    "messages": [{"role": "user", "content": "Show me the settings."}],
}


def main():
    api = anthropic.Anthropic(
        base_url=os.environ["GATEWAY_URL"], auth_token=os.environ["TOKEN"], api_key=None, max_retries=0, timeout=60
    )
    with api.messages.stream(**ASKED) as stream:
        events = [event.type for event in stream]
        message = stream.get_final_message().to_dict(mode="json", warnings=False)
    print(json.dumps({"message": message, "events": events}))


if __name__ == "__main__":
    main()
