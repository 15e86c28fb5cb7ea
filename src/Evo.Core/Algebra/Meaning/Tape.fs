namespace Evo.Core.Meaning

/// A number on a tape.
[<Struct>]
type Node = internal Node of int

/// Arithmetic that remembers itself, so that the gradient of what was computed can be asked for: one implementation of an
/// operator is its value and its vector-Jacobian product.
[<Sealed>]
type Tape() =
    let values = ResizeArray<int64>()
    // Each number depends on at most two others, with these derivatives.
    let parents = ResizeArray<struct (int * int64 * int * int64)>()

    let push value a da b db =
        values.Add value
        parents.Add(struct (a, da, b, db))
        Node(values.Count - 1)

    /// A number that depends on nothing.
    member _.Leaf(value: int64) : Node = push (Modular.reduce value) 0 0L 0 0L

    member _.Value(Node x) : int64 = values[x]

    member _.Add(Node a, Node b) =
        push (Modular.add values[a] values[b]) a 1L b 1L

    member _.Subtract(Node a, Node b) =
        push (Modular.subtract values[a] values[b]) a 1L b -1L

    member _.Multiply(Node a, Node b) =
        push (Modular.multiply values[a] values[b]) a values[b] b values[a]

    member _.Divide(Node a, Node b) =
        let inverse = Modular.inverse values[b]
        let quotient = Modular.multiply values[a] inverse
        push quotient a inverse b (Modular.multiply -quotient inverse)

    /// A constant times a number.
    member _.Scale(factor: int64, Node a) =
        push (Modular.multiply factor values[a]) a (Modular.reduce factor) 0 0L

    /// The gradients of all numbers, given those of some: the tape read backwards.
    member _.Gradients(seeds: (Node * int64) seq) : Node -> int64 =
        let gradients = Array.zeroCreate values.Count

        for Node x, gradient in seeds do
            gradients[x] <- Modular.add gradients[x] gradient

        for x in values.Count - 1 .. -1 .. 0 do
            let struct (a, da, b, db) = parents[x]

            // What depends on nothing has derivative 0 to number 0.
            if da <> 0L then
                gradients[a] <- Modular.add gradients[a] (Modular.multiply da gradients[x])

            if db <> 0L then
                gradients[b] <- Modular.add gradients[b] (Modular.multiply db gradients[x])

        fun (Node x) -> gradients[x]
