namespace Evo.Models;

/// <summary>What a parameter is for, which decides how it is initialised by default and whether a recipe decays it.</summary>
public enum ParameterKind
{
    /// <summary>The weight of a linear map.</summary>
    Matrix,
    /// <summary>A table that is indexed: token or position embedding.</summary>
    Embedding,
    /// <summary>The gain of a norm.</summary>
    Norm,
    /// <summary>An additive vector, of a linear map or a norm.</summary>
    Bias,
    /// <summary>The weight that chooses experts: whole on every device, decayed as a matrix.</summary>
    Router,
    /// <summary>The weights of one map of all experts, stacked along the first axis; decayed as a matrix.</summary>
    Expert,
}

/// <summary>How a parameter starts: drawn from a normal distribution, or constant.</summary>
/// <param name="Std">Standard deviation; 0 for a constant.</param>
/// <param name="Constant">The value where <paramref name="Std"/> is 0.</param>
public readonly record struct Initializer(double Std, double Constant)
{
    /// <summary>Zero mean, the given standard deviation.</summary>
    public static Initializer Normal(double std) => new(std, 0);

    /// <summary>Gains start at one.</summary>
    public static Initializer Ones => new(0, 1);

    /// <summary>Biases start at zero.</summary>
    public static Initializer Zeros => new(0, 0);

    /// <summary>"normal(0.02)", "ones", "zeros".</summary>
    public override string ToString() =>
        Std != 0 ? FormattableString.Invariant($"normal({Std:0.######})") : Constant == 0 ? "zeros" : Constant == 1 ? "ones" : FormattableString.Invariant($"constant({Constant})");
}

/// <summary>One logical tensor of a model: its names, its global shape, how it starts and what it is.</summary>
/// <param name="Name">Logical name, e.g. <c>layers.3.query.weight</c>; also the name in <c>state_dict</c>.</param>
/// <param name="HuggingFaceName">Name in a Hugging Face folder; of a parameter in pieces the pattern, <c>{expert}</c> where the index stands.</param>
/// <param name="Shape">Shape in the module; a linear map is [out, in].</param>
/// <param name="Init">How it starts.</param>
/// <param name="Kind">What it is; weight decay by kind is the recipe's choice (InternEvo decays all).</param>
/// <param name="Transposed">True where the file holds [in, out] (GPT-2's Conv1D).</param>
/// <param name="Layer">Index of its layer, or null outside the layers.</param>
/// <param name="TiedNames">Hugging Face names under which a file may repeat this tensor because it is tied.</param>
public sealed record ParameterInfo(
    string Name, string HuggingFaceName, IReadOnlyList<long> Shape, Initializer Init, ParameterKind Kind,
    bool Transposed, int? Layer, IReadOnlyList<string> TiedNames)
{
    /// <summary>Where tensor parallel modes cut it; null where every rank holds it whole.</summary>
    public TensorCut? Cut { get; init; }

    /// <summary>Whether it is used behind the layers: a pipeline's last stage holds it.</summary>
    public bool Exit { get; init; }

    /// <summary>For a table of embeddings: where it is cut when that is along the hidden size.</summary>
    public TensorCut? Hidden { get; init; }

    /// <summary>Numbers in it.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>
    /// Names of the file's tensors that, stacked along a new first axis, are this parameter; empty where the file holds it as
    /// one.
    /// </summary>
    public IReadOnlyList<string> Pieces { get; init; } = [];

    /// <summary>How many of the pieces one token goes through.</summary>
    public int ActivePieces { get; init; }

    /// <summary>Numbers in it that one token meets: all, but of experts the chosen ones.</summary>
    public long ActiveCount => Pieces.Count == 0 ? Count : Count / Pieces.Count * ActivePieces;

    /// <summary>Whether weight decay is for it where a recipe spares norms and biases.</summary>
    public bool Decays => Kind is not (ParameterKind.Norm or ParameterKind.Bias);

    /// <summary>Names of all its tensors in a Hugging Face folder.</summary>
    public IReadOnlyList<string> HuggingFaceNames => Pieces.Count == 0 ? [HuggingFaceName] : Pieces;

    /// <summary>Shape in a Hugging Face file, of one piece where it lies there in pieces.</summary>
    public IReadOnlyList<long> HuggingFaceShape
    {
        get
        {
            var own = Pieces.Count == 0 ? Shape : [.. Shape.Skip(1)];
            return Transposed ? [.. own.Reverse()] : own;
        }
    }
}
