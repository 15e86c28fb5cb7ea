namespace Evo.Core.Meaning

/// What a rank knows of an operator's call besides the tensors that it holds.
type Setting =
    {
        /// The dims that a view is told.
        Parameters: int list
        /// Other numbers that it is told: where a view begins, how long it is, the sizes of new dims.
        Sizes: int list
        /// The whole shape of each input.
        Wholes: int list list
        /// Where the rank's slice of each input begins, in each dim.
        Starts: int list list
    }

/// An operator as every rank runs it on what it holds.
type Local = Tape -> Setting -> Tensor<Node> list -> Tensor<Node>

/// Functions of one number that stand for those that the field does not have.
module Curve =
    let private cubic a b c (tape: Tape) (x: Node) : Node =
        let constant value = tape.Leaf value
        let inner = tape.Multiply(tape.Add(x, constant a), x)
        tape.Add(tape.Multiply(tape.Add(inner, constant b), x), constant c)

    /// For any non-linear function of one number.
    let activation tape x = cubic 2L 7L 5L tape x
    /// For the exponential of a softmax.
    let exponential tape x = cubic 3L -4L 11L tape x
    /// For the logarithm of a sum of exponentials.
    let logarithm tape x = cubic -5L 1L 13L tape x
    /// For the root of a sum of squares.
    let root tape x = cubic 1L 9L -17L tape x
