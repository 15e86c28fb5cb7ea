// A TorchSharp program: a small GPT over characters, its training loop, saving, loading and sampling.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

public sealed record GptSettings(int Vocabulary, int Length, int Layers, int Heads, int Width);

public sealed class CausalSelfAttention : nn.Module<Tensor, Tensor>
{
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly Dropout dropout;
    private readonly Tensor mask;
    private readonly int heads;

    public CausalSelfAttention(GptSettings s) : base(nameof(CausalSelfAttention))
    {
        heads = s.Heads;
        qkv = nn.Linear(s.Width, 3 * s.Width);
        proj = nn.Linear(s.Width, s.Width);
        dropout = nn.Dropout(0.0);
        mask = tril(ones(s.Length, s.Length)).view(1, 1, s.Length, s.Length);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (b, t, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var parts = qkv.call(x).split(c, dim: 2);
        var q = parts[0].view(b, t, heads, c / heads).transpose(1, 2);
        var k = parts[1].view(b, t, heads, c / heads).transpose(1, 2);
        var v = parts[2].view(b, t, heads, c / heads).transpose(1, 2);
        var att = q.matmul(k.transpose(-2, -1)) * (1.0 / Math.Sqrt(c / heads));
        att = att.masked_fill(mask[TensorIndex.Colon, TensorIndex.Colon, TensorIndex.Slice(0, t), TensorIndex.Slice(0, t)] == 0, float.NegativeInfinity);
        att = dropout.call(F.softmax(att, -1));
        return proj.call(att.matmul(v).transpose(1, 2).contiguous().view(b, t, c));
    }
}

public sealed class Block : nn.Module<Tensor, Tensor>
{
    private readonly LayerNorm ln_1;
    private readonly CausalSelfAttention attn;
    private readonly LayerNorm ln_2;
    private readonly Sequential mlp;

    public Block(GptSettings s) : base(nameof(Block))
    {
        ln_1 = nn.LayerNorm(s.Width);
        attn = new CausalSelfAttention(s);
        ln_2 = nn.LayerNorm(new long[] { s.Width });
        mlp = nn.Sequential(nn.Linear(s.Width, 4 * s.Width), nn.GELU(), nn.Linear(4 * s.Width, s.Width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = x + attn.call(ln_1.call(x));
        return x + mlp.call(ln_2.call(x));
    }
}

public sealed class Gpt : nn.Module<Tensor, Tensor?, (Tensor logits, Tensor? loss)>
{
    private readonly Embedding wte;
    private readonly Embedding wpe;
    private readonly ModuleList<Block> h;
    private readonly LayerNorm ln_f;
    private readonly Linear lm_head;

    public Gpt(GptSettings s) : base(nameof(Gpt))
    {
        wte = nn.Embedding(s.Vocabulary, s.Width);
        wpe = nn.Embedding(s.Length, s.Width);
        h = new ModuleList<Block>();
        for (var i = 0; i < s.Layers; i++) h.Add(new Block(s));
        ln_f = nn.LayerNorm(s.Width);
        lm_head = nn.Linear(s.Width, s.Vocabulary, hasBias: false);
        lm_head.weight = wte.weight;
        RegisterComponents();
        apply(module =>
        {
            if (module is Linear linear)
            {
                nn.init.normal_(linear.weight!, 0.0, 0.02);
                if (linear.bias is not null) nn.init.zeros_(linear.bias);
            }
            else if (module is Embedding embedding)
            {
                nn.init.normal_(embedding.weight!, 0.0, 0.02);
            }
        });
    }

    public override (Tensor logits, Tensor? loss) forward(Tensor ids, Tensor? targets)
    {
        var positions = arange(0, ids.shape[1], dtype: ScalarType.Int64, device: ids.device);
        var x = wte.call(ids) + wpe.call(positions);
        foreach (var block in h) x = block.call(x);
        var logits = lm_head.call(ln_f.call(x));
        var loss = targets is null ? null : F.cross_entropy(logits.view(-1, logits.shape[2]), targets.view(-1));
        return (logits, loss);
    }
}

public static class CharacterGpt
{
    private const string Text = "the quick brown fox jumps over the lazy dog. pack my box with five dozen liquor jugs. ";

    public static float[] Train(int steps)
    {
        manual_seed(1337);
        var alphabet = Text.Distinct().OrderBy(c => c).ToList();
        var data = tensor(Text.Select(c => (long)alphabet.IndexOf(c)).ToArray());
        var settings = new GptSettings(alphabet.Count, 16, 2, 2, 32);
        using var model = new Gpt(settings);
        var decay = model.named_parameters().Where(p => p.parameter.dim() >= 2).Select(p => p.parameter);
        var rest = model.named_parameters().Where(p => p.parameter.dim() < 2).Select(p => p.parameter);
        using var optimizer = new AdamW(
            new[] { new AdamW.ParamGroup(decay, weight_decay: 0.1), new AdamW.ParamGroup(rest, weight_decay: 0.0) }, lr: 1e-3);
        foreach (var group in optimizer.ParamGroups) group.LearningRate = 3e-3;
        var losses = new List<float>();
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            var starts = randint(0, data.shape[0] - settings.Length - 1, new long[] { 8 }).data<long>().ToArray();
            var x = stack(starts.Select(s => data[TensorIndex.Slice(s, s + settings.Length)]));
            var y = stack(starts.Select(s => data[TensorIndex.Slice(s + 1, s + settings.Length + 1)]));
            var (_, loss) = model.call(x, y);
            optimizer.zero_grad();
            loss!.backward();
            nn.utils.clip_grad_norm_(model.parameters(), 1.0);
            optimizer.step();
            losses.Add(loss.ToSingle());
        }

        var path = Path.Combine(Path.GetTempPath(), $"gpt-{Guid.NewGuid():N}.dat");
        try
        {
            model.save(path);
            using var again = new Gpt(settings);
            again.load(path);
            using var frozen = no_grad();
            using var scope = NewDisposeScope();
            var seen = data[..8].unsqueeze(0);
            var difference = (model.call(seen, null).logits - again.call(seen, null).logits).abs().max().item<float>();
            losses.Add(difference);
            Console.WriteLine(Sample(again, settings, alphabet, 24));
        }
        finally
        {
            File.Delete(path);
        }

        data.Dispose();
        return losses.ToArray();
    }

    private static string Sample(Gpt model, GptSettings settings, List<char> alphabet, int count)
    {
        model.eval();
        using var frozen = no_grad();
        var ids = zeros(1, 1, dtype: ScalarType.Int64);
        for (var i = 0; i < count; i++)
        {
            using var scope = NewDisposeScope();
            var window = ids.shape[1] > settings.Length ? ids.narrow(1, ids.shape[1] - settings.Length, settings.Length) : ids;
            var logits = model.call(window, null).logits[TensorIndex.Colon, -1, TensorIndex.Colon] / 0.8;
            var (top, _) = logits.topk(5);
            logits = logits.masked_fill(logits < top[TensorIndex.Ellipsis, ^1].unsqueeze(-1), float.NegativeInfinity);
            var next = multinomial(F.softmax(logits, -1), 1);
            ids = cat(new[] { ids, next }, 1).MoveToOuterDisposeScope();
        }

        return string.Concat(ids[0].data<long>().ToArray().Select(id => alphabet[(int)id]));
    }
}
