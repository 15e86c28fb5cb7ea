namespace Evo.Core

/// `model.checkpoint`: how many of the layers are computed again in the backward pass.
type Checkpointed =
    /// A share of them, counted from the first.
    | Share of float
    /// As many as the memory asks for, and of each as little as it allows: chosen when the number of ranks is known.
    | Auto

    /// The share where the configuration gives one; nothing where it is chosen later.
    member checkpointed.Given =
        match checkpointed with
        | Share share -> share
        | Auto -> 0.0

    /// As a configuration writes it.
    member internal checkpointed.AsJson =
        match checkpointed with
        | Share share -> JNumber(Json.number share)
        | Auto -> JString "auto"
