namespace Evo.Data;

/// <summary>Chat templates of families whose files may come without one.</summary>
public static class FamilyTemplates
{
    private const string ChatMl = """
        {%- for message in messages %}
        {{- '<|im_start|>' ~ message.role ~ '\n' }}
        {%- if message.role == 'assistant' %}
        {%- generation %}{{ message.content ~ '<|im_end|>' }}{% endgeneration %}
        {%- else %}
        {{- message.content ~ '<|im_end|>' }}
        {%- endif %}
        {{- '\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
        """;

    private static readonly Dictionary<string, string> All = new()
    {
        ["chatml"] = ChatMl,
        // Qwen2 introduces itself where nobody has set the scene.
        ["qwen2"] = """
            {%- if messages and messages[0].role != 'system' %}{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}

            """ + ChatMl,
        ["internlm2"] = "{{- bos_token }}\n" + ChatMl,
        ["internlm"] = """
            {{- bos_token }}
            {%- for message in messages %}
            {%- if message.role == 'user' %}{{ '<|User|>:' ~ message.content ~ '<eoh>\n' }}
            {%- elif message.role == 'assistant' %}{{ '<|Bot|>:' }}{% generation %}{{ message.content ~ '<eoa>' }}{% endgeneration %}{{ '\n' }}
            {%- elif message.role == 'system' %}{{ '<|System|>:' ~ message.content ~ '\n' }}
            {%- else %}{{ raise_exception('a message is of system, user or assistant') }}{% endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}{{ '<|Bot|>:' }}{% endif %}
            """,
        ["llama2"] = """
            {%- set scene = namespace(text='') %}
            {%- for message in messages %}
            {%- if message.role == 'system' %}{% set scene.text = '<<SYS>>\n' ~ message.content ~ '\n<</SYS>>\n\n' %}
            {%- elif message.role == 'user' %}{{ bos_token ~ '[INST] ' ~ scene.text ~ message.content | trim ~ ' [/INST]' }}{% set scene.text = '' %}
            {%- elif message.role == 'assistant' %}{{ ' ' }}{% generation %}{{ message.content | trim ~ ' ' ~ eos_token }}{% endgeneration %}
            {%- else %}{{ raise_exception('a message is of system, user or assistant') }}{% endif %}
            {%- endfor %}
            """,
        ["mixtral"] = """
            {{- bos_token }}
            {%- for message in messages %}
            {%- if message.role == 'user' %}{{ '[INST] ' ~ message.content ~ ' [/INST]' }}
            {%- elif message.role == 'assistant' %}{% generation %}{{ message.content ~ eos_token }}{% endgeneration %}
            {%- else %}{{ raise_exception('a message is of user or assistant') }}{% endif %}
            {%- endfor %}
            """,
        ["llama3"] = """
            {{- bos_token }}
            {%- for message in messages %}
            {{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' }}
            {%- if message.role == 'assistant' %}{% generation %}{{ message.content | trim ~ '<|eot_id|>' }}{% endgeneration %}
            {%- else %}{{ message.content | trim ~ '<|eot_id|>' }}{% endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}
            """,
        ["gemma"] = """
            {{- bos_token }}
            {%- for message in messages %}
            {%- if message.role == 'system' %}{{ raise_exception('a message is of user or assistant') }}{% endif %}
            {%- if message.role == 'assistant' %}{{ '<start_of_turn>model\n' }}{% generation %}{{ message.content | trim ~ '<end_of_turn>' }}{% endgeneration %}{{ '\n' }}
            {%- else %}{{ '<start_of_turn>' ~ message.role ~ '\n' ~ message.content | trim ~ '<end_of_turn>\n' }}{% endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}
            """,
    };

    /// <summary>Names of the families.</summary>
    public static IEnumerable<string> Names => All.Keys;

    /// <summary>The template of a family; throws <see cref="DataException"/> where there is none of that name.</summary>
    public static JinjaTemplate Of(string family) => All.TryGetValue(family, out var text)
        ? new($"the chat template {family}", text)
        : throw new DataException($"chat template \"{family}\"", "no such family", $"known are {string.Join(", ", Names)}");
}
