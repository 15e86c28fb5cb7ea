namespace Evo.Models;

/// <summary>A tensor that lives from the forward pass to the backward pass because an operation's backward reads it.</summary>
/// <param name="Name">The local, or what the operation makes beside its result.</param>
/// <param name="By">The operation that keeps it; the first of several.</param>
/// <param name="Layer">Index of the layer, or null.</param>
/// <param name="Count">Numbers in it on one rank; where a size is uneven, the mean over the ranks.</param>
/// <param name="Type">What they are.</param>
public sealed record KeptTensor(string Name, string By, int? Layer, Polynomial Count, NumberType Type);

/// <summary>
/// What the backward pass of each emitted operation keeps, on a processor and without dropout: the one table of it, held against
/// counted bytes by a test. A value that several operations keep is kept once, and a view keeps all of what it is a view of.
/// </summary>
internal static class KeptRules
{
    /// <summary>Views: no memory of their own, unless what they are of does not lie in one piece.</summary>
    public static bool IsView(string operation) => operation is "Alias" or "Piece" or "split" or "unflatten" or "narrow" or "select"
        or "transpose" or "permute" or "squeeze" or "unsqueeze" or "Dropout" or "Copy" or "Whole" || IsCompacting(operation);

    /// <summary>Views of what lies in one piece, copies of what does not.</summary>
    public static bool IsCompacting(string operation) => operation is "flatten" or "reshape" or "contiguous" or "view";

    /// <summary>Views that leave gaps.</summary>
    public static bool LeavesGaps(string operation) => operation is "Piece" or "narrow" or "select" or "transpose" or "permute";

    /// <summary>The inputs that an operation keeps, by their place among the values that it is made of.</summary>
    public static IEnumerable<int> Inputs(ValueLife value, Func<int, bool> isInteger) => value.Operation switch
    {
        "Linear" or "LinearMany" or "GatherLinear" or "GatedLinear" => Enumerable.Range(0, value.From.Count), // x, and weights that were gathered
        "ActivatedLinear" => Enumerable.Range(0, value.From.Count).Skip(Relu(value.Detail) ? 1 : 0),
        "RmsNorm" or "LayerNorm" => [0],
        "Embedding" => isInteger(0) ? [0] : [],
        "Attention" => [0, 1, 2],
        "Gated" => Relu(value.Detail) ? [1] : [0, 1],
        "GatedPair" => [0],
        "Activate" => Relu(value.Detail) ? [] : [0],
        "Multiply" or "Divide" or "Function" => Enumerable.Range(0, value.From.Count),
        "Reciprocal" => [0],
        _ => [], // sums, scalings, rotations and every collective read nothing again
    };

    /// <summary>Whether the backward reads the result.</summary>
    public static bool Result(ValueLife value) => value.Operation switch
    {
        "Attention" or "Sigmoid" or "Softmax" => true,
        "Activate" => Relu(value.Detail),
        _ => false,
    };

    /// <summary>What an operation makes beside its result and keeps.</summary>
    /// <param name="value">What it makes.</param>
    /// <param name="read">Numbers of the first value that it reads.</param>
    public static IEnumerable<(string Name, Polynomial Count, NumberType Type)> Beside(ValueLife value, Polynomial? read = null)
    {
        var rows = value.Size / Math.Max(1, value.Width);
        switch (value.Operation)
        {
            case "RmsNorm":
                yield return ("root mean squares", rows, NumberType.Wide);
                if (value.Detail == "offset")
                    yield return ("gain", value.Width, NumberType.Compute);
                break;
            case "Rotate":
            case "HeadsApart" when value.Detail.Length > 0:
                // Cosines and sines themselves are views of a table of the module's, which all layers share.
                var places = value.Detail.EndsWith("this rank's tokens", StringComparison.Ordinal) ? Polynomial.Length / Polynomial.Tensor : Polynomial.Length;
                yield return ("cosines and sines", 2 * places * value.Width, NumberType.Narrowed);
                break;
            case "LayerNorm":
                yield return ("means and deviations", 2 * rows, NumberType.Wide);
                break;
            case "Attention":
                yield return ("log-sums", rows, NumberType.Wide);
                break;
            case "Gated" or "GatedPair" when !OfOneKernel(value.Detail):
                yield return ("activated gate", value.Size, NumberType.Compute);
                break;
            case "GatedLinear" when !OfOneKernel(value.Detail) && read is { } pair:
                yield return ("activated gate", pair / 2, NumberType.Compute);
                yield return ("product of gate and up", pair / 2, NumberType.Compute);
                break;
            case "ActivatedLinear" when !OfOneKernel(value.Detail) && read is not null:
                yield return ("what is activated", read, NumberType.Compute);
                break;
            case "VocabularyParallelEmbedding":
                var ids = value.Size / Math.Max(1, value.Width);
                yield return ("ids", ids, NumberType.Integer);
                yield return ("mask", ids, NumberType.Flag);
                break;
            case "MixtureOfExperts" or "ExpertParallelMixtureOfExperts" when value.Mixture is var (inner, experts, choices):
                var pairs = rows * choices;
                yield return ("router's probabilities", rows * experts, NumberType.Wide);
                yield return ("choices and places", pairs * 2, NumberType.Integer);
                yield return ("tokens of the experts, and their outputs", pairs * 2 * value.Width, NumberType.Compute);
                yield return ("insides of the experts", pairs * inner * (OfOneKernel(value.Detail) ? 3 : 4), NumberType.Compute);
                yield return ("weights of the choices", pairs + rows, NumberType.Wide);
                break;
        }
    }

    /// <summary>What the head keeps: the gradients of what it read, which its forward makes already; or what it needs to make them.</summary>
    public static IEnumerable<(string Name, Polynomial Count, NumberType Type)> Head(ParallelMode mode, HeadSize head)
    {
        var tokens = Polynomial.Batch * Polynomial.Length;
        if (head.UnitRows)
            yield return ("lengths of the table's rows", 2 * (mode is ParallelMode.Serial or ParallelMode.Isp ? (Polynomial)head.Rows : Polynomial.Block(head.Rows)), NumberType.Wide);
        if (head.UnitRows && mode == ParallelMode.Isp)
            yield return ("gathered table", Polynomial.Gathered(head.Rows) * head.Width, NumberType.Compute);
        switch (mode)
        {
            case ParallelMode.Serial:
            case ParallelMode.Isp:
                var own = mode == ParallelMode.Isp ? tokens / Polynomial.Tensor : tokens;
                yield return ("gradient of the hidden states", own * head.Width, NumberType.Compute);
                yield return ("gradient of the table", (Polynomial)head.Rows * head.Width, NumberType.Wide);
                break;
            default:
                // Hidden states of all tokens: in mtp they are the last norm's result, elsewhere they were gathered.
                yield return ("hidden states", tokens * head.Width, NumberType.Compute);
                yield return ("log-sums", tokens, NumberType.Wide);
                if (head.UnitRows)
                    yield return ("table with unit rows", Polynomial.Block(head.Rows) * head.Width, NumberType.Compute);
                break;
        }
    }

    // Activation and product by one kernel (Ops.Gated), which keeps neither.
    private static bool OfOneKernel(string activation) => activation is "silu" or "swish" or "gelu_new" or "gelu_pytorch_tanh";

    private static bool Relu(string activation) => activation == "relu";
}
