/// The words in which plans of flat buffers are written.
namespace Evo.Core

/// The ranks over which the gradients of a parameter are summed.
type ReductionClass =
    /// Parameters that the ranks of the data axis hold alike.
    | Data = 0
    /// Parameters whose shares lie on the weight axis: alike on the ranks of the weight-data axis.
    | WeightData = 1
    /// Experts: alike on the ranks of the expert-data axis.
    | ExpertData = 2

/// What a plan needs to know of one parameter of a rank.
type FlatParameter =
    {
        Name: string
        /// The block of the model that it belongs to; blocks are numbered in the order of the data flow.
        Block: int
        /// Elements of this rank's share of it.
        Count: int64
        Decays: bool
        /// How many dimensions it has.
        Dims: int
        Class: ReductionClass
        /// Whether this rank counts its elements in the global norm: false on all but one of the ranks that hold the same
        /// elements (a norm's gain along the tensor axis, a table on two stages of a pipeline).
        Counts: bool
    }

/// Where one parameter stands in the flat buffer of its class.
type FlatSlot =
    {
        Parameter: FlatParameter
        Bucket: int
        /// First element in the buffer.
        Offset: int64
    }

    member slot.Name = slot.Parameter.Name

    /// Elements of the parameter.
    member slot.Length = slot.Parameter.Count

/// Elements that lie side by side in the flat buffer, and in the compact buffer of the rank that owns them.
[<Struct>]
type FlatRange =
    {
        /// First element in the flat buffer.
        Offset: int64
        /// First element in the owner's compact buffer.
        State: int64
        Length: int64
    }

/// Consecutive whole blocks that are reduced and gathered together; the last elements may be padding.
type FlatBucket =
    {
        FirstBlock: int
        LastBlock: int
        Offset: int64
        /// Elements, padding included: splits evenly among the shards.
        Length: int64
    }

/// Owned elements of one kind: one call of an update or of a norm.
[<Struct>]
type FlatRun =
    {
        Bucket: int
        Range: FlatRange
        Decays: bool
        Counts: bool
    }

/// Elements of one parameter that one rank owns.
[<Struct>]
type FlatPiece =
    {
        /// The first of them, counted in the parameter.
        Start: int64
        Range: FlatRange
    }

/// Bytes of what one rank holds for as long as it trains.
type FlatBytes =
    {
        /// Weights in the model's dtype.
        Parameters: int64
        /// Gradients: the sum in the optimizer's dtype and, where the model's is another, those of one backward pass.
        Gradients: int64
        /// Both moments.
        OptimizerState: int64
        /// Weights in the optimizer's dtype where the model's is another.
        Master: int64
    }

    member bytes.Total =
        bytes.Parameters + bytes.Gradients + bytes.OptimizerState + bytes.Master

    static member (+)(a: FlatBytes, b: FlatBytes) =
        {
            Parameters = a.Parameters + b.Parameters
            Gradients = a.Gradients + b.Gradients
            OptimizerState = a.OptimizerState + b.OptimizerState
            Master = a.Master + b.Master
        }
