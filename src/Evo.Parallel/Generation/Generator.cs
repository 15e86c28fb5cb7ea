using Evo.Data;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Writes text with a model: the prompt runs through it once, then each new token alone, continuing the cache of keys and
/// values. What is written is a function of (weights, prompt, options).
/// </summary>
public sealed class Generator
{
    private readonly CausalLMModule model;
    private readonly Tokenizer tokenizer;
    private readonly ScalarType dtype;
    private readonly Device device;

    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="tokenizer">The tokenizer of its training; stays the caller's.</param>
    /// <exception cref="GenerationException">The tokenizer has more pieces than the model has rows.</exception>
    public Generator(CausalLMModule model, Tokenizer tokenizer)
    {
        if (tokenizer.VocabSize > model.Spec.Size.VocabSize)
        {
            throw new GenerationException(
                $"the tokenizer has {tokenizer.VocabSize} pieces and the model's vocabulary {model.Spec.Size.VocabSize} rows: it is not the tokenizer of this model");
        }

        this.model = model;
        this.tokenizer = tokenizer;
        using var parameters = NewDisposeScope();
        var first = model.parameters().First();
        (dtype, device) = (first.dtype, first.device);
    }

    /// <summary>The text that follows <paramref name="prompt"/>, piece by piece as it becomes certain; each piece is whole characters.</summary>
    /// <param name="prompt">Beginning of the text; not repeated in the output.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="stop">Ends the text early.</param>
    /// <exception cref="GenerationException">The prompt does not fit the model's positions.</exception>
    public IEnumerable<string> Stream(string prompt, SamplingOptions options, CancellationToken stop = default)
    {
        var ids = PromptIds(prompt);
        var text = new TextStream(tokens => tokenizer.Decode(tokens));
        text.Prime(ids);
        foreach (var id in Tokens(ids, options, cached: true, stop))
        {
            if (text.Add(id) is { Length: > 0 } piece)
            {
                yield return piece;
            }
        }

        if (text.Finish() is { Length: > 0 } rest)
        {
            yield return rest;
        }
    }

    /// <summary>The prompt's tokens as the model saw documents begin: the begin-of-sequence token, where there is one, and the text.</summary>
    public IReadOnlyList<int> PromptIds(string prompt)
    {
        List<int> ids = tokenizer.BosId is { } bos ? [bos] : [];
        ids.AddRange(tokenizer.EncodeToIds(prompt));
        return ids.Count > 0
            ? ids
            : throw new GenerationException("the prompt is empty and this tokenizer has no begin-of-sequence token: give at least one character");
    }

    /// <summary>The tokens that follow a prompt; the end-of-sequence token ends them and is not among them.</summary>
    /// <param name="prompt">At least one token.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="cached">False computes the whole sequence anew for every token: slower, the same tokens.</param>
    /// <param name="stop">Ends the sequence early.</param>
    /// <exception cref="GenerationException">The prompt does not fit the model's positions.</exception>
    public IEnumerable<int> Tokens(IReadOnlyList<int> prompt, SamplingOptions options, bool cached = true, CancellationToken stop = default)
    {
        // Dynamic rotary scaling is there for texts longer than the model was made for.
        var limit = model.Spec.CacheLimit == long.MaxValue ? model.Spec.Size.MaxPositions : 0;
        if (limit > 0 && prompt.Count >= limit)
        {
            throw new GenerationException(
                $"the prompt has {prompt.Count} tokens and the model {limit} positions: at most {limit - 1} leave room for one token; shorten the prompt");
        }

        return Decode(prompt, new Sampler(options), options, limit > 0 ? Math.Min(options.MaxNewTokens, limit - prompt.Count) : options.MaxNewTokens, cached, stop);
    }

    private IEnumerable<int> Decode(
        IReadOnlyList<int> prompt, Sampler sampler, SamplingOptions options, int most, bool cached, CancellationToken stop)
    {
        var training = model.training;
        model.train(false);
        using var cache = cached ? new KvCache(model.Spec, 1, prompt.Count + most, dtype, device) : null;
        // Beyond this length dynamic rotary scaling changes every earlier token, and all of them are computed again.
        var exact = model.Spec.CacheLimit;
        try
        {
            List<int> all = [.. prompt];
            var fresh = all.Count;
            for (var index = 0; index < most && !stop.IsCancellationRequested; index++)
            {
                if (all.Count > exact)
                {
                    cache?.Truncate(0);
                    fresh = all.Count;
                }

                var next = sampler.Choose(NextLogits(cache is null ? all : all[^fresh..], cache), index);
                if (options.StopAtEos && next == tokenizer.EosId)
                {
                    yield break;
                }

                all.Add(next);
                fresh = 1;
                yield return next;
            }
        }
        finally
        {
            model.train(training);
        }
    }

    // Logits after the last of the given tokens, of the tokenizer's pieces only: a vocabulary may be padded.
    private float[] NextLogits(List<int> tokens, KvCache? cache)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var ids = tensor(tokens.Select(id => (long)id).ToArray(), [1, tokens.Count], device: device);
        using var at = cache is null ? Positions.Sequential(1, tokens.Count, device) : Positions.Cached(cache, tokens.Count, device);
        var last = model.Hidden(ids, at).narrow(1, tokens.Count - 1, 1);
        return model.Logits(last).to(ScalarType.Float32).cpu().flatten().data<float>().ToArray()[..tokenizer.VocabSize];
    }
}
