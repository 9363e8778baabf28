"""What `speakerid serve` stands on: a bound socket, uvicorn, and limits for its connections."""
