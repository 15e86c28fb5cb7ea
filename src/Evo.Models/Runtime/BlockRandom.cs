using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>What the random choices of a pass are functions of, beside their place in the model.</summary>
/// <param name="Step">The key of the run's seed and the step.</param>
/// <param name="FirstToken">Tokens of the step's whole batch before the first one of the pass, in the order of one device.</param>
public readonly record struct PassRandom(RandomKey Step, long FirstToken);

/// <summary>
/// The random choices of one block of a model in training: a layer, or what stands before or behind the layers. Each is a
/// function of the run's seed, the step, the block, its number among the block's choices, the token's place in the step's whole
/// batch and the element's place in the whole tensor. So every rank makes those of one device, whatever it holds, and a layer
/// that is computed again makes the same again. Emitted forwards ask for them.
/// </summary>
/// <param name="active">Whether anything is random now.</param>
public sealed class BlockRandom(Func<bool> active)
{
    private Positions? pass;
    private long block, choices;

    internal const string NoStep =
        "random choices in a pass that does not say its step: set Positions.Random, build with BuildOptions.Dropout = false, or call eval()";

    /// <summary>A pass through the block begins.</summary>
    /// <param name="at">Where its tokens stand.</param>
    /// <param name="number">The block's number in the whole model.</param>
    public void Begin(Positions at, long number) => (pass, block, choices) = (at, number, 0);

    /// <summary>A value [B, T, ...] of all tokens, with a share of its elements dropped.</summary>
    public Tensor Dropout(Tensor x, double share) => Dropout(x, share, null, 0, 0);

    /// <summary>As the other, of this rank's tokens.</summary>
    /// <param name="x">[B, T of this rank, ...]</param>
    /// <param name="share">Of the elements that are dropped.</param>
    /// <param name="tensor">The ranks that have the other tokens.</param>
    public Tensor Dropout(Tensor x, double share, ProcessGroup tensor) => Dropout(x, share, tensor, 1, 0);

    /// <summary>As the others, where another dimension than the tokens' is spread over ranks.</summary>
    /// <param name="x">[B, T, ...]</param>
    /// <param name="share">Of the elements that are dropped.</param>
    /// <param name="tensor">The ranks that have the other parts.</param>
    /// <param name="dim">The dimension, 2 or more.</param>
    /// <param name="size">Its whole size; where it is less than the ranks, several of them have the same part.</param>
    public Tensor Dropout(Tensor x, double share, ProcessGroup? tensor, int dim, long size)
    {
        if (Next(share > 0) is not { } words)
            return x;
        var tokens = Tokens(dim == 1 ? tensor : null);
        if (x.dim() < 3 || x.shape[0] != tokens.shape[0] || x.shape[1] != tokens.shape[1])
            throw new InvalidOperationException(
                $"dropout of [{string.Join(", ", x.shape)}] in a pass of [{string.Join(", ", tokens.shape)}] tokens: what is dropped must be [B, T, ...], a value for each token; drop it where it meets one");
        var features = Features(x, tensor, dim, size);
        return Ops.Dropout(x.reshape([.. tokens.shape, features.shape[0]]), new(share, words(tokens), RandomWords.Spread(features).unsqueeze(0))).view(x.shape);
    }

    /// <summary>Which weights an attention drops, of rows [B, heads, T] and columns [B, T]; null for none.</summary>
    /// <param name="share">Of the weights that are dropped.</param>
    /// <param name="heads">Query heads in all.</param>
    /// <param name="tensor">The ranks over which they are spread; null where they are not.</param>
    public DropoutMask? Attention(double share, long heads, ProcessGroup? tensor = null)
    {
        if (Next(share > 0) is not { } words)
            return null;
        var tokens = Tokens(null);
        var numbers = arange(heads, dtype: int64, device: tokens.device);
        var own = tensor is null ? numbers : Shard.Own(tensor, numbers, 0);
        var rows = RandomWords.At(words(tokens).unsqueeze(1), RandomWords.Spread(own).unsqueeze(1));
        return new(share, rows, RandomWords.Spread(tokens));
    }

    /// <summary>A router's input [B, T, C], each element times a number from 1 − amount to 1 + amount.</summary>
    /// <param name="x">[B, T, C]</param>
    /// <param name="amount">0 for none.</param>
    /// <param name="tensor">The ranks that have the other tokens; null where there are none.</param>
    public Tensor Jitter(Tensor x, double amount, ProcessGroup? tensor = null)
    {
        if (Next(amount > 0) is not { } words)
            return x;
        var uniform = RandomWords.Uniform(Words(words, x.shape[2], tensor));
        return x * (1 + (((uniform * 2) - 1) * amount)).to_type(x.dtype);
    }

    /// <summary>Gumbel noise for each token and expert, float64 [B, T, E]; null for none.</summary>
    /// <param name="wanted">Whether there is noise in training.</param>
    /// <param name="experts">E</param>
    /// <param name="tensor">The ranks that have the other tokens; null where there are none.</param>
    public Tensor? Noise(bool wanted, long experts, ProcessGroup? tensor = null) =>
        Next(wanted) is { } words ? RandomWords.Uniform(Words(words, experts, tensor)).log().neg().log().neg() : null;

    /// <summary>A lot of each token, int64 [B, T] from 0 to 2³² − 1; null for none.</summary>
    /// <param name="wanted">Whether lots are drawn in training.</param>
    /// <param name="tensor">The ranks that have the other tokens; null where there are none.</param>
    public Tensor? Lots(bool wanted, ProcessGroup? tensor = null) => Next(wanted) is { } words ? words(Tokens(tensor)) : null;

    private Tensor Tokens(ProcessGroup? tensor) => tensor is null ? pass!.Tokens : Shard.Own(tensor, pass!.Tokens, 1);

    // [B, T, count]
    private Tensor Words(Func<Tensor, Tensor> words, long count, ProcessGroup? tensor)
    {
        var tokens = Tokens(tensor);
        return RandomWords.At(words(tokens).unsqueeze(-1), RandomWords.Spread(arange(count, dtype: int64, device: tokens.device)));
    }

    // The words of tokens for the block's next choice; null where it is not random.
    private Func<Tensor, Tensor>? Next(bool wanted)
    {
        choices++;
        if (!wanted || !active())
            return null;
        if (pass is null)
            throw new InvalidOperationException("a block's random choices belong to a pass of its module: call the module's forward, or eval() for none");
        if (pass.Cache is not null)
            throw new InvalidOperationException("random choices with a cache: generation is no training; call eval() first");
        var (number, choice) = (block, choices);
        if (pass.Choices is { } recorded)
            return tokens => recorded.Words(number, choice, tokens);
        var key = (pass.Random ?? throw new InvalidOperationException(NoStep)).Step.At(number).At(choice);
        return tokens => RandomWords.Of(key, tokens);
    }

    // The index of each element of a token in the whole tensor, [elements].
    private static Tensor Features(Tensor x, ProcessGroup? tensor, int dim, long size)
    {
        var index = zeros([1], dtype: int64, device: x.device);
        for (var d = 2; d < x.dim(); d++)
        {
            var (first, whole) = d == dim && tensor is not null ? (tensor.Rank * size / tensor.Size, size) : (0, x.shape[d]);
            index = (index.unsqueeze(1) * whole + arange(first, first + x.shape[d], dtype: int64, device: x.device)).flatten();
        }

        return index;
    }
}
