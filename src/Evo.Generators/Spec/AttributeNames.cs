// The names by which the generator knows the vocabulary; a test compares each with the attribute's own.
namespace Evo.Generators.Spec;

internal static class AttributeNames
{
    private const string Room = "Evo.Models.";

    public const string Model = Room + "ModelAttribute";
    public const string Hf = Room + "HfAttribute";
    public const string RunKey = Room + "RunKeyAttribute";
    public const string Ratio = Room + "RatioAttribute";
    public const string OneOf = Room + "OneOfAttribute";
    public const string Least = Room + "LeastAttribute";
    public const string Divides = Room + "DividesAttribute";
    public const string HfOnly = Room + "HfOnlyAttribute";
    public const string HfNeutral = Room + "HfNeutralAttribute";
    public const string Degree = Room + "DegreeAttribute";


    public const string Part = Room + "PartAttribute";
    public const string Layers = Room + "LayersAttribute";
    public const string Embedding = Room + "EmbeddingAttribute";
    public const string Head = Room + "HeadAttribute";
    public const string Column = Room + "ColumnAttribute";
    public const string Linear = Room + "LinearAttribute";
    public const string Row = Room + "RowAttribute";
    public const string Router = Room + "RouterAttribute";
    public const string Experts = Room + "ExpertsAttribute";
    public const string RmsNorm = Room + "RmsNormAttribute";
    public const string LayerNorm = Room + "LayerNormAttribute";
    public const string Rope = Room + "RopeAttribute";
    public const string Attention = Room + "AttentionAttribute";
    public const string Dropout = Room + "DropoutAttribute";

    public const string CausalLM = Room + "CausalLM";
    public const string Positions = Room + "Positions";
    public const string Functions = Room + "Functions";
    public const string HuggingFaceValue = Room + "IHuggingFaceValue<T>";
    public const string Tensor = "TorchSharp.torch.Tensor";
}
