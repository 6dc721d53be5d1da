"""Words by which a request says what it wants, in English, Japanese and, as far as they are known, Chinese."""

from __future__ import annotations

import re

from jobs.logic.text.vocabulary import Vocabulary


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


def _latin(words: str) -> str:
    """Words on their own, also where Japanese follows at once."""
    return rf"(?<![a-z])(?:{words})(?![a-z])"


_LANGUAGES = (
    r"python|java|javascript|js|jsx|tsx?|typescript|ruby|rails|php|laravel|perl|rust|golang|swift|kotlin|scala"
    r"|haskell|lua"
    r"|matlab|julia|flutter|bash|shell|powershell|(?:my|postgre|no|pl/)?sql|postgres|sqlite|graphql|css|scss|sass"
    r"|tailwind|html5?|xhtml"
    r"|xml"
    r"|svg|xaml|react|reactjs|vue(?:\.js)?|angular|svelte|next\.?js|node(?:\.?js)?|django|jquery|ini"
    r"|docker(?:file|-compose)?|makefile|nginx|terraform|kubernetes|latex|tex|regex(?:p|es)?|vba|excel|numpy"
    r"|pandas|solidity|jsp|jinja|handlebars|mustache|wordpress|arduino|gitignore|crontab|htaccess|mermaid|graphviz"
)
_TEXTS = (
    "text|context|passage|documents?|docs?|article|excerpt|paragraph|material|information|info|sources?|content|notes?"
    "|policy|manual|handbook|faq|knowledge base|transcript|report|page|facts|data|snippets?|reviews?|records?"
)
_TEXTS_JA = (
    "資料|文脈|本文|文章|記事|テキスト|情報|文書|参考|コンテキスト|抜粋|マニュアル|規約|規程|ナレッジ|原文|検索結果"
    "|FAQ|段落|背景|引用文|データ|議事録|説明書|メモ|レビュー"
)
_SHORT = "title|headline|summary|category|sentiment|heading|label|genre|topic"
_SHORT_JA = "タイトル|題名|表題|見出し|要約|分類|分野|カテゴリー?|ジャンル|題"

KINDS = {
    "code": Vocabulary(
        (
            rf"{_LANGUAGES}|codes?|coding|programs?|programming|functions?|scripts?|algorithms?|query|queries|commands?"
            "|regular expressions?|selectors?|components?|apis?|endpoints?|configs?|configuration|snippets?"
            "|style ?sheets?"
            "|classes|nav ?bars?|web ?(?:pages?|sites?)|compil\\w+|debug\\w*|refactor\\w*|implement\\w*|macros?|syntax"
            "|schemas?|unit tests?|div|flexbox|log (?:line|file|entr)\\w*|formulas?|equations?|theorems?|integrals?"
        ),
        r"c\+\+|c#|f#|\.net|objective-c|(?<![a-z])(?:in|a) [cr](?![a-z])",
        "コード|プログラム|関数|スクリプト|クエリ|正規表現|実装|コンポーネント|コマンド|セレクタ|スタイルシート"
        "|ボタン|変数",
        "配列|設定ファイル|ウェブページ|ウェブサイト|フォーム|データベース|デバッグ|リファクタ|数式|方程式|積分"
        "|行列[式をの]|マクロ",
        "アルゴリズム|ログを|代码|函数|脚本|程序|正则|查询|命令|组件|样式|按钮|网页|变量|数组|公式|方程",
    ),
    "markup": Vocabulary(
        (
            r"x?html5?|xml|svg|xaml|markup|web ?(?:pages?|sites?)|jsx|tsx|react|reactjs|vue(?:\.js)?|svelte|angular"
            r"|jsp|rss"
            "|sitemaps?|bbcode|ssml|jinja|handlebars|html entit(?:y|ies)"
        ),
        "マークアップ|ウェブページ|ウェブサイト|タグで囲|タグを付|标记语言|网页",
    ),
    "hashtags": Vocabulary(
        (
            "hash ?tags?|tweets?|twitter|instagram|insta|tik ?tok|linkedin|facebook|pinterest|mastodon|bluesky"
            "|social media"
            "|captions?|x posts?|(?<!blog )posts? (?:about|for|on|announcing)|posts? (?:for|on|to) x|reels?|youtube|sns"
        ),
        "ハッシュタグ|ツイート|ツイッター|インスタ|ティックトック|フェイスブック|ＳＮＳ|キャプション|つぶやき"
        "|ストーリーズ",
        f"投稿(?:文|を|用|案|して|の)|告知文|ポスト(?:を|して|文)|{_latin('x')}(?:用|向け|に|の|で)",
        "话题标签|推文|推特|微博|小红书|朋友圈|抖音|社交媒体|配文",
    ),
    "dialogue": Vocabulary(
        (
            "dialog(?:ue)?s?|conversations?|interviews?|screenplays?|script (?:for|between|of|in which|where)"
            "|(?:movie|film|podcast|video|radio|tv|sales|call) scripts?|scenes?|skits?|sketch(?:es)?|chats?"
            "|chat ?logs?"
            "|transcripts?|role-?plays?|exchanges? between|debates?|podcasts?|faqs?|q ?& ?a|quiz(?:zes)?"
            "|flash ?cards?|trivia"
            "|questions?(?:-| and )(?:an |the |its |their )?answers?|monologues?|phone calls?|negotiations?|riddles?"
            "|jokes?"
            "|bot and|and bot|user and|few-?shot|short plays?|one-act"
        ),
        "会話|対話|台本|脚本|シナリオ|インタビュー|漫才|コント|やり取り|やりとり|チャット|対談|寸劇|セリフ|台詞"
        "|ロールプレイ",
        "座談会|面接|戯曲|問答|よくある質問|一問一答|(?:質問|問題|問い)と(?:その)?(?:回答|答え|解答)|クイズ|電話応対"
        "|掛け合い",
        "なぞなぞ|FAQ|对话|采访|访谈|剧本|台词|相声|小品|聊天|问答|常见问题|辩论",
    ),
    "drawing": Vocabulary(
        (
            r"repeat\w*|repetit\w*|(?:\d{1,6}|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|fifty"
            r"|hundred) times"
            r"|over and over|in a row|ascii(?: |-)?art|pyramids?|triangles?|separators?|dividers?|dash(?:es)?"
            r"|asterisks?"
            r"|rows? of|lines? of|strings? of|\d{1,6} (?:\w{1,12} )?(?:letters?|characters?|copies|emojis?|hearts?"
            r"|stars?"
            r"|dots?|\S)"
            r"|emojis?|crossword|bingo|grid|maze|progress bar|histogram|bar chart|lorem ipsum|punctuation"
        ),
        "繰り返|くり返|くりかえ|連呼|[0-9０-９一二三四五六七八九十百]{1,6}(?:個|文字|つ|回)(?:並|続|書|打|出力|表示|連)"
        "|並べて",
        "アスキーアート|区切り|罫線|破線|波線|点線|ピラミッド|三角形|絵文字|迷路|棒グラフ|マス目|記号だけ",
        "重复|字符画|分隔线|表情|[0-9一二三四五六七八九十百]{1,6}(?:遍|次|个)",
    ),
    "chant": Vocabulary(
        (
            "lyrics?|songs?|chorus|refrains?|poems?|chants?|raps?|onomatop\\w*|sound effects?|sounds?|scream\\w*"
            "|shout\\w*"
            "|laugh\\w*|cheer\\w*|lullab\\w+|mantras?|tongue.?twisters?|nursery|stretch(?:ed|ing)? out|elongat\\w*"
            "|dna|rna"
            "|howl\\w*"
        ),
        "歌詞|歌[をの]|詩|童謡|子守|ラップ|呪文|お経|念仏|唱え|オノマトペ|擬音|擬態|効果音|叫|悲鳴|笑い声|声を文字|鳴き"
        "|早口言葉|掛け声|伸ばし",
        "塩基配列|歌词|诗|儿歌|拟声|象声|喊|尖叫|绕口令",
    ),
    "check": Vocabulary(
        (
            r"fix\w*|correct\w*|proof-?read\w*|edit\w*|debug\w*|bugs?|errors?|mistakes?|typos?|wrong|check\w*"
            r"|spell\w*|grammar"
            r"|grammatical\w*|punctuat\w*|format\w*|indent\w*|highlight\w*|bold|underline|annotate|mark\w*|quote"
            r"|cop(?:y|ied)"
            r"|repeat\w*|echo|say|verbatim|word for word|as is|exactly|unchanged|sort\w*|reorder|arrange|complete"
            r"|continu\w*"
            r"|finish|expand|extend|add|append|insert|refactor\w*|optimi[sz]e\w*|comment\w*|convert\w*|replace"
            r"|remov\w*|delete"
            r"|clean\w*|normali[sz]e\w*|split|join|capital\w*|(?:upper|lower) ?case|transcri\w*|redact|mask"
            r"|anonymi[sz]e"
            r"|fill\w*|modif\w*|updat\w*|change|adjust|polish|if needed|if necessary|recite|restore|decode|segment"
            r"|review"
        ),
        "直し|直す|訂正|修正|校正|校閲|添削|誤字|脱字|誤り|間違い|句読点|文法|整形|整え|チェック|確認|推敲|編集|バグ"
        "|エラー",
        "デバッグ|インデント|強調|太字|下線|復唱|繰り返|そのまま|一字一句|コピー|写し|引用|並べ替|並び替|ソート|続き"
        "|続け",
        "完成さ|追加|足し|加え|挿入|リファクタ|最適化|コメント|変換|置き換|置換|取り除|削除|分割|区切|改行|匿名化"
        "|伏せ|補っ|補完",
        "埋め|変更|更新|必要なら|必要であれば|読み上げ|書き起こ|清書|正規化|全角|半角|ふりがな|ルビ|大文字|小文字"
        "|レビュー",
        "修改|改正|纠正|更正|校对|润色|错别字|语病|语法|标点|检查|格式化|重复|复述|照抄|原样|排序|续写|补全|添加|插入"
        "|替换|删除",
        "转换|注释|优化|重构|调试|错误",
    ),
    "reword": Vocabulary(
        (
            r"translat\w*|re-?writ\w*|rephras\w*|paraphras\w*|reword\w*|improv\w*|simplif\w*|shorten\w*|polite\w*"
            r"|formal\w*"
            r"|(?:make|turn|put) (?:it|this|the)|transliterat\w*|romani[sz]e"
        ),
        "訳し|訳す|翻訳|和訳|英訳|書き換|書き直|言い換|敬語|丁寧|簡潔|短く|やさしく|ローマ字|にして|に変え",
        "翻译|译成|改写|改成|改为|换一种说法|缩短|简化",
    ),
    "extract": Vocabulary(
        (r"extract\w*|find|pick out|identify|locate|pull out|retrieve|which sentences?|cite|select\w*"),
        "抜き出|抜き書き|抽出|取り出|見つけ|探し|挙げ|該当|選び|選ん|提取|抽取|找出|摘录|摘抄|选出",
    ),
    "given": Vocabulary(
        "",
        rf"\b(?:only|solely|strictly|exclusively) (?:\w+ ){{0,4}}(?:{_TEXTS})\b",
        rf"\b(?:from|using|use|based on|according to|given|consult) (?:only )?(?:\w+ ){{0,3}}(?:{_TEXTS})\b",
        rf"\b(?:{_TEXTS}) (?:only|alone|below|above|provided|given)\b",
        rf"\b(?:{_TEXTS})[\])>*]{{0,3}}\s?[:：]",
        rf"\b(?:in|does|do|read) (?:the |this |these |our )?(?:\w+ )?(?:{_TEXTS})\b",
        rf"(?:{_TEXTS_JA})(?:の(?:内容|情報|範囲|中|み))?(?:だけ|のみ|に基づ|をもと|を元|を基|から|を使|を読|に即"
        rf"|に沿|を参照)",
        rf"(?:{_TEXTS_JA})(?:によると|によれば|に書|に記|の範囲|の中|に.{{0,6}}(?:ある|載))",
        rf"(?:{_TEXTS_JA})[】\])」]?\s?[:：]|【(?:{_TEXTS_JA})】",
        "(?:根据|依据|基于|参考|只用|仅用|使用)[^。\n]{0,12}(?:文本|文章|资料|内容|上下文|材料|段落|文档|信息)",
        "(?:文本|文章|资料|上下文|材料)[:：]",
    ),
    "asks": Vocabulary(
        "", r"\?|？|\b(?:questions?|answer)\b|\bq:", "質問|答え|回答|問い|設問|教えて|問[:：]|问题|问[:：]"
    ),
    "declines": Vocabulary(
        "",
        r"\b(?:say (?:so|that|you)|(?:do not|don't) know|out of scope|only (?:answer|help"
        r"|discuss)"
        r"|never (?:give|share|tell|reveal|discuss)|not allowed to|must not|unanswerable|cannot be answered)\b",
        "断って|断り|分からない(?:場合|とき|と)|わからない(?:場合|とき|と)|範囲外|教えてはいけ|のことだけ"
        "|だけ(?:に)?答え|答えられない(?:場合|とき)",
        "不知道|拒绝|只回答",
    ),
    "desk": Vocabulary(
        (
            r"orders?|refund\w*|returns?|exchang\w*|deliver\w*|ship\w*|cancel\w*|reserv\w*|bookings?|accounts?"
            r"|passwords?"
            r"|subscri\w*|plans?|invoices?|receipts?|gift|coupons?|vouchers?|warranty|repairs?|tickets?|seats?"
            r"|check-?(?:in|out)"
            r"|membership|customers?|support|store|shop|discounts?|pay\w*|credit card|parcel|package|parking|pets?"
            r"|rooms?"
            r"|hotel|clinic|appointments?|library|loans?|fees?|policy|branch|bank|staff|employees?|desk|tracking"
            r"|price match"
        ),
        "注文|返品|返金|交換|配送|発送|送料|届け|送って|キャンセル|取り消|取消|予約|会員|パスワード|解約|契約|請求"
        "|領収書",
        "ギフト|クーポン|割引|値引|保証|修理|チケット|座席|チェックイン|お客様|サポート|窓口|当店|弊社|当社|当館|支払"
        "|決済|荷物",
        "駐車|ペット|客室|宿泊|受診|診察|図書館|貸出|手数料|口座|社内|在庫|入荷|持ち込|カスタマー|変更|申請|入館|退会"
        "|配達|再発行",
        "订单|退款|退货|换货|发货|配送|取消|预订|账户|密码|会员|发票|优惠券|客服|门店|付款|保修",
    ),
    "titled": Vocabulary(
        (
            "story|stories|blogs?|blog ?posts?|articles?|essays?|poems?|sonnets?|haikus?|limericks?|songs?|lyrics"
            "|speech|speeches|press releases?|reports?|newsletters?|news|screenplays?|plays?|scripts?|recipes?"
            "|reviews?|fables?|tales?|fairy ?tales?|books?|novels?|chapters?|columns?|editorials?|presentations?"
            "|lectures?|lessons?|proposals?|papers?|outlines?|plots?|synopsis|paragraphs?|letters?|games?|movies?"
            "|films?|posts?|guides?|tutorials?|announcements?|posters?|flyers?|brochures?|adverts?|advertisements?"
            "|ads?|job|questions?|surveys?|polls?|quiz|quizzes|riddles?|trivia|flash ?cards?|worksheets?|tests?"
            "|exams?|plans?|agendas?|memos?|slides?"
        ),
        "物語|小説|ブログ|記事|エッセイ|作文|詩を|詩の|短歌|俳句|歌詞|スピーチ|プレスリリース|レポート|報告書|脚本|レシピ"
        "|企画書|童話|昔話|話を|コラム|日記|お知らせ|案内|チラシ|ポスター|提案書|発表|小話|台本|あらすじ|書評|感想文|レビュー"
        "|作り方|問題|クイズ|設問|質問を|アンケート|手紙|掲示|広告|求人|授業|指導案|計画|議題|故事|文章|小说|诗|演讲|报告",
    ),
    "cheerful": Vocabulary(
        (
            r"emojis?|emoticons?|hash ?tags?|tweets?|twitter|instagram|facebook|tik ?tok|linkedin|social media"
            r"|captions?|posts?|text messages?|messages?|invitations?|invite|greetings?|cards?|birthday|congratulat\w*"
            r"|posters?|flyers?|signs?|signboards?|banners?|adverts?|advertisements?|ads?|announcements?|newsletters?|slogans?"
            r"|promot\w*|campaigns?|menus?|reviews?|chat|pretend|act as|friends?|fun|playful|cute|funny|youtube|sns"
        ),
        "絵文字|顔文字|ハッシュタグ|ツイート|インスタ|投稿|ポスト|メッセージ|招待|誘[うい]|LINE|お祝い|誕生日|カード|ポスター"
        "|チラシ|看板|掲示|案内|広告|宣伝|告知|お知らせ|キャンペーン|メニュー|レビュー|なりきって|友達|かわいい|楽しい|おもしろ"
        "|面白|SNS|表情|推文|微博|小红书|朋友圈|邀请|海报|广告",
    ),
    "identifier": Vocabulary(
        (
            r"user ?names?|handles?|nicknames?|identifiers?|variables?|function name|file ?names?|slugs?|domains?"
            r"|passwords?|intents?|labels?|keys?|constants?|columns?|ids?|codes?|snake.case|kebab.case|camel.case"
            r"|packages?|modules?|branch"
        ),
        "ユーザー名|ユーザ名|ハンドル|変数|識別子|ファイル名|スラッグ|ドメイン|パスワード|ラベル|意図|キー名|定数|列名|型番|コード"
        "|ブランチ|用户名|变量|文件名",
    ),
    "several": Vocabulary(
        (
            r"lists?|listing|bullets?|bulleted|bullet ?points?|steps?|stages|tips|ways|ideas|examples|reasons|items"
            r"|ingredients|pros and cons|rules|names|tables?|outlines?|agendas?|schedules?|recipes?|instructions"
            r"|features|advantages|disadvantages|benefits|drawbacks|differences|similarities|points|things|questions"
            r"|titles|headlines|slogans|sentences|words|options|suggestions|recommendations|activities|goals"
            r"|strategies|methods|techniques|characteristics|qualities|traits|skills|facts|causes|effects|factors"
            r"|strengths|weaknesses|uses|types|kinds|categories|topics|components|parts|elements|requirements"
            r"|materials|tools|books|movies|songs|countries|cities|animals|foods|checklist|to-?do|itinerary|routine"
            r"|plan|menu|guidelines|guide|tutorial|procedure|compare|contrast|rank|classify|categorize|categorise"
            r"|sort|order|arrange|enumerate|outline|brainstorm|name (?:some|a few|several)|(?:a few|several|some) \w+s"
            r"|(?:two|three|four|five|six|seven|eight|nine|ten|twelve|\d{1,3}) (?:\w+[ -]){0,3}\w+"
            r"|(?:what|which|who) (?:are|were) (?:\w+ ){0,6}\w+s|how (?:to|do i|do you|can i|can you|would you)"
            r"|all (?:the |of )?(?:\w+ )?\w+s|every|match|each|both"
            r"|templates?|readme"
            r"|quiz|multiple.choice|timeline|json|csv|markdown|charts?|diagrams?|flow ?charts?|cycle|process|sequence"
        ),
        "箇条書き|一覧|リスト|列挙|挙げ|羅列|手順|作り方|レシピ|ヒント|コツ|メリット|デメリット|長所|短所|ポイント|候補"
        "|アイデア|案を|順に|それぞれ|並べ|持ち物|材料|ルール|分け|分類|比較|違いを|特徴|種類|項目|目次|構成|アウトライン"
        "|スケジュール|献立|メニュー|計画|予定|いくつか|複数|主な|例を|理由|要点|問題を|クイズ|ステップ|流れ|チェック"
        "|やること|テンプレ|雛形|ひな形|すべて|全て|全部|対応させ|図[にをで]|図示|循環|順番|過程|工程|[表][にをで]|表形式|年表|[0-9０-９一二三四五六七八九十](?:つ|個|点|件|項目|選|例|案|冊|人|種類|問|箇条|本)"
        "|列出|列举|清单|步骤|表格|几个|[0-9一二三四五六七八九十](?:个|条|点|种)",
    ),
    "data": Vocabulary((r"json|ya?ml|toml|csv|tsv|front ?matter|key[- ]value"), "フロントマター|キーと値"),
    "plain": Vocabulary(
        "",
        r"\b(?:write|give|suggest|create|generate|come up with|provide|propose|think of|find|pick|choose|reply with"
        r"|make|need"
        r"|devise|what would be|what is|have) (?:me |us |this text |it |this )?(?:the |a |an )?(?:\w+ ){0,2}"
        rf"(?:{_SHORT})\b",
        r"\b(?:summari[sz]e|classify|categori[sz]e|title (?:this|the)|which (?:category|class|genre)|what category"
        r"|what is (?:this|the) (?:text|article|passage) about)\b",
        rf"(?:{_SHORT_JA})(?:案|名|だけ|のみ)?(?:を|は|って|に)[^。\n]{{0,12}}"
        "(?:付け|つけ|考え|作|教え|答え|書|何|提案|出|して|まとめ|選|ください)|(?:要約|分類)して|何について|(?:要点"
        "|内容)を[^。\n]{0,8}(?:まとめ|述べ)",
        "(?:起|拟|取|写)[^。\n]{0,8}(?:标题|题目)|总结|概括|摘要|分类",
    ),
}
"""By kind: what asks for it. `check`, `reword` and `extract` are of a text that comes along; `plain` is a short text of
its own, such as a title, in which nothing of a page or a post belongs; `titled` is what has a title or a heading of its
own on top, `several` what may be laid out as a list, `cheerful` what people put emoji into,
`identifier` a name in one word."""
TAGS_TOO = _any(r"(?:with|and|plus|include|add)\b[^.\n]{0,30}hash ?tags?|hash ?tags? (?:for|too)|ハッシュタグ|话题标签")
"""Asks for hashtags whatever else is asked for."""
DEFINES = _any(r"\b(?:define|meaning|definition)\b|定義|意味|とは(?:何|なん|どう|[?？])")
GREETS = re.compile(r"\b(?:Dear|Hi|Hello) [A-Z]|様[、。\s]|お世話|拝啓|您好|尊敬的")
"""What a mail has."""
BLANKS = _any(
    _latin(
        "contract|invoice|agreement|worksheet|blanks?|forms?|letter|template|table of contents|contents|menu|signature"
    ),
    "目次|記入|空欄|契約書|請求書|穴埋め|申込書|同意書|署名|ひな形|雛形|テンプレ|メニュー|目录|合同|表格|填空",
)
"""Asks for lines to be filled in, or led along by dots."""
OPENS = _any(
    _latin(
        r"first (?:line|half|part)|opening|start of|beginning|salutation|greeting|declaration|signature|sign-?off"
        r"|closing|header"
        "|symbols?|characters?|punctuation|complete|continue|brackets?|parenthes[ie]s|comma|colon"
    ),
    "冒頭|書き出し|前半|一行目|1行目|宛名|挨拶|結び|記号|文字|途中|続き|括弧|かっこ|コンマ|読点|开头|第一行|称呼|符号"
    "|括号",
)
"""Asks for something that is no whole sentence."""
