namespace Evo.Core

/// Steps of a schedule as JSON, for files and for programs.
module StepJson =

    let private whole (value: int) = Json.make (JNumber(string value))
    let private real (value: float) = Json.make (JNumber(Json.number value))

    /// What a step is: `"step": "send_forward", "chunk": 0, "micro_batch": 3, "to": 1`.
    let members (step: Step) : (string * Json) list =
        let name, other =
            match step with
            | Forward _ -> "forward", []
            | Backward _ -> "backward", []
            | BackwardInput _ -> "backward_input", []
            | BackwardWeight _ -> "backward_weight", []
            | SendForward(_, _, rank) -> "send_forward", [ "to", whole rank ]
            | ReceiveForward(_, _, rank) -> "receive_forward", [ "from", whole rank ]
            | SendBackward(_, _, rank) -> "send_backward", [ "to", whole rank ]
            | ReceiveBackward(_, _, rank) -> "receive_backward", [ "from", whole rank ]

        [
            "step", Json.make (JString name)
            "chunk", whole step.Chunk
            "micro_batch", whole step.MicroBatch
        ]
        @ other

    /// The steps of one rank among those of all, in their order, with the times at which each began and ended.
    let ofRank (rank: int) (steps: TimedStep seq) : Json =
        Json.make (
            JArray
                [
                    for at in steps do
                        if at.Rank = rank then
                            Json.makeObject (members at.Step @ [ "begin", real at.Begin; "end", real at.End ])
                ]
        )
